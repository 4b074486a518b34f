-- Which lines of an attempt's events were passed over and why, and who described a metric how.
-- Both are found by reading the events once more, from their first line.

-- Lines of events.jsonl that began before `bytes_read`.
alter table attempt add column lines_read integer not null default 0;
-- Whether `bytes_read` lies within a line that is too long to be read: 1 if so.
alter table attempt add column in_long_line integer not null default 0;

update attempt set bytes_read = 0, unknown_lines = 0;

-- The first lines that were passed over; `unknown_lines` counts all.
create table passed_over (
    attempt_id integer not null references attempt,
    line integer not null,
    reason text not null,
    primary key (attempt_id, line)
) strict, without rowid;

-- The metrics that an attempt has named, and what its worker says that they mean.
create table attempt_metric (
    attempt_id integer not null references attempt,
    metric_id integer not null references metric,
    description text,
    unit text,
    primary key (attempt_id, metric_id)
) strict, without rowid;

alter table metric drop column description;
alter table metric drop column unit;
