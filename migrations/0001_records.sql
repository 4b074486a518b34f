-- The index over a run's journal.jsonl and its attempts' events.jsonl. Everything here can be made
-- again from those files; each offset is stored in the same transaction as what was read up to it,
-- so that nothing is lost and nothing doubled, whenever the writer is killed.

-- How far the journal has been read. One row.
create table journal (
    only integer primary key check (only = 1),
    bytes_read integer not null,
    -- The request by which the last supervisor stopped before all was done, as JSON; null unless it
    -- did. By it whoever waits for the end of a run says the same as who ran it.
    stop_request text
) strict;

insert into journal values (1, 0, null);

-- The rows of the table, in its order. Labels are for people and no part of a trial's key.
create table variant (
    name text primary key,
    label text not null,
    position integer not null
) strict;

create table trial (
    trial_id integer primary key,
    name text not null unique,
    -- Hash of config, seed and command: the same key is the same trial, whatever it is called.
    key text not null unique,
    variant text not null,
    seed integer not null,
    -- In the file's order; null where the file no longer names it (retired: kept, not shown).
    position integer,
    state text not null check (
        state in (
            'queued', 'starting', 'running', 'interrupted', 'cancelled', 'succeeded', 'failed'
        )
    ),
    -- The state with its data, as JSON.
    state_json text not null,
    changed_ms integer not null,
    -- The worker's build and the data's fingerprint at the newest plan, by which results of another
    -- build or of other data are told.
    build text,
    data text,
    -- Attempts up to this number no longer count against the trial: it was retried on request.
    attempts_reset integer not null default 0
) strict;

create table attempt (
    attempt_id integer primary key,
    trial_id integer not null references trial,
    number integer not null,
    started_ms integer not null,
    -- How far events.jsonl has been read.
    bytes_read integer not null default 0,
    -- Lines that began before `bytes_read`.
    lines_read integer not null default 0,
    -- 1 if `bytes_read` lies within a line that is too long to be read.
    in_long_line integer not null default 0,
    -- Lines that are not an event of a known kind; counted, shown, never fatal.
    skipped_lines integer not null default 0,
    program text,
    -- The build and data that it was started with.
    build text,
    data text,
    device text,
    -- Earlier attempts' points beyond this step are hidden: the step of the checkpoint that the
    -- attempt resumed from, -1 if it restarted, null until its hello was read.
    keeps_until integer,
    -- The newest progress event.
    phase text,
    phase_step integer,
    phase_of integer,
    phase_time real,
    -- The step that it reached last, in any phase.
    last_step integer,
    -- The cause for which the attempt was asked to stop; null if it was not.
    stop_cause text,
    -- The time since which nothing has been heard of it; null unless it has stalled.
    stalled_since_ms integer,
    failed_class text,
    failed_message text,
    unique (trial_id, number)
) strict;

create table metric (
    metric_id integer primary key,
    name text not null unique
) strict;

-- The metrics that an attempt has named, and their meaning as its worker describes it.
create table attempt_metric (
    attempt_id integer not null references attempt,
    metric_id integer not null references metric,
    description text,
    unit text,
    primary key (attempt_id, metric_id)
) strict, without rowid;

-- The first lines that were skipped; `attempt.skipped_lines` counts all.
create table skipped_line (
    attempt_id integer not null references attempt,
    line integer not null,
    reason text not null,
    primary key (attempt_id, line)
) strict, without rowid;

-- One value of one metric at one step; `item` is empty where the metric has none. NaN is null.
create table point (
    attempt_id integer not null references attempt,
    metric_id integer not null references metric,
    item text not null,
    step integer not null,
    value real,
    -- Seconds since the Unix epoch, by the worker's clock.
    time real,
    primary key (attempt_id, metric_id, item, step)
) strict, without rowid;

-- An attempt's final values. NaN is null.
create table result (
    attempt_id integer not null references attempt,
    metric_id integer not null references metric,
    value real,
    primary key (attempt_id, metric_id)
) strict, without rowid;

create table checkpoint (
    attempt_id integer not null references attempt,
    step integer not null,
    path text not null,
    hash text,
    primary key (attempt_id, step)
) strict, without rowid;

-- Checkpoints whose files were removed. By attempt and step and not a column of the checkpoint: the
-- journal, which records it, is read before the events, which name the checkpoint.
create table removed_checkpoint (
    attempt_id integer not null references attempt,
    step integer not null,
    removed_ms integer not null,
    primary key (attempt_id, step)
) strict, without rowid;

create table artifact (
    attempt_id integer not null references attempt,
    kind text not null,
    name text not null,
    item text not null,
    step integer not null,
    -- Relative to the trial's folder.
    path text not null,
    primary key (attempt_id, name, item, step)
) strict, without rowid;

-- For every attempt, the step up to which later attempts have left its points in effect.
create view effective_attempt as
select
    attempt.attempt_id,
    attempt.trial_id,
    attempt.number,
    (
        select min(later.keeps_until)
        from attempt as later
        where later.trial_id = attempt.trial_id and later.number > attempt.number
    ) as keeps_until
from attempt;

-- Every point that counts, by name: the last attempt's where attempts overlap.
create view series as
select
    trial.name as trial,
    trial.variant,
    trial.seed,
    metric.name as metric,
    point.item,
    point.step,
    point.value,
    point.time,
    effective.number as attempt
from point
join effective_attempt as effective using (attempt_id)
join trial using (trial_id)
join metric using (metric_id)
where (effective.keeps_until is null or point.step <= effective.keeps_until)
    -- An attempt that goes on from a checkpoint may report the checkpoint's own step again.
    and not exists (
        select 1
        from point as again
        join attempt as later on later.attempt_id = again.attempt_id
        where later.trial_id = effective.trial_id
            and later.number > effective.number
            and again.metric_id = point.metric_id
            and again.item = point.item
            and again.step = point.step
    );

-- Every trial's final values, by name.
create view final as
select
    trial.name as trial,
    trial.variant,
    trial.seed,
    trial.state,
    metric.name as metric,
    result.value
from result
join attempt using (attempt_id)
join trial using (trial_id)
join metric using (metric_id)
where attempt.number = (
    select max(last.number)
    from attempt as last
    join result as theirs on theirs.attempt_id = last.attempt_id
    where last.trial_id = attempt.trial_id
);
