-- The index over a run's journal.jsonl and its attempts' events.jsonl. Everything here can be made
-- again from those files; each offset is stored in the same transaction as what was read up to it,
-- so that nothing is lost and nothing doubled, whenever the writer is killed.

-- How far the journal has been read. One row.
create table journal (
    only integer primary key check (only = 1),
    bytes_read integer not null
) strict;

insert into journal values (1, 0);

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
        state in ('queued', 'starting', 'running', 'interrupted', 'succeeded', 'failed')
    ),
    -- The state with its data, as JSON.
    state_json text not null,
    changed_ms integer not null,
    -- What the trial was last planned with, to tell results of another build or of other data.
    build text,
    data text
) strict;

create table attempt (
    attempt_id integer primary key,
    trial_id integer not null references trial,
    number integer not null,
    started_ms integer not null,
    -- How far events.jsonl has been read.
    bytes_read integer not null default 0,
    -- Lines that were no event of a known kind; counted, shown, never fatal.
    unknown_lines integer not null default 0,
    program text,
    build text,
    device text,
    -- Earlier attempts' points beyond this step are hidden: the step of the checkpoint that the
    -- attempt went on from, -1 if it began anew, null until it has said hello.
    keeps_until integer,
    -- The newest progress event.
    phase text,
    phase_step integer,
    phase_of integer,
    phase_time real,
    failed_class text,
    failed_message text,
    unique (trial_id, number)
) strict;

create table metric (
    metric_id integer primary key,
    name text not null unique,
    description text not null default '',
    unit text
) strict;

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

-- For every attempt, the step up to which later attempts have left its points standing.
create view standing_attempt as
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
    standing.number as attempt
from point
join standing_attempt as standing using (attempt_id)
join trial using (trial_id)
join metric using (metric_id)
where (standing.keeps_until is null or point.step <= standing.keeps_until)
    -- An attempt that goes on from a checkpoint may say the checkpoint's own step again.
    and not exists (
        select 1
        from point as again
        join attempt as later on later.attempt_id = again.attempt_id
        where later.trial_id = standing.trial_id
            and later.number > standing.number
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
