-- The index over a run's journal.jsonl and its attempts' events.jsonl. Everything here can be made
-- again from those files. How far each file has been read is stored in the same transaction as the
-- rows that were read up to there, so that nothing is lost or doubled whenever the writer is killed.

-- The position in the journal. One row.
create table journal (
    singleton integer primary key check (singleton = 1),
    bytes_read integer not null default 0,
    -- Lines before that position.
    lines_read integer not null default 0,
    -- The checksum that the last of them states, which the next one names; empty before the first.
    last_checksum text not null default '',
    -- SHA-256 of experiment.yaml and of resolved.yaml at the newest plan; empty where there is none.
    file_hash text not null default '',
    resolved_hash text not null default '',
    -- The request by which the last supervisor stopped before all trials had ended, as JSON; null
    -- otherwise. It gives `orch wait` the same exit code as `orch run`.
    stop_request text
) strict;

insert into journal (singleton) values (1);

-- The rows of the report's table, in its order. Labels are for people and no part of a trial's key.
create table variant (
    name text primary key,
    label text not null,
    position integer not null
) strict;

-- The claims and their design as the first plan stated them, and each that changed them.
create table preregistration (
    preregistration_id integer primary key,
    -- `report.design`, as JSON; null for none.
    design text,
    -- The comparisons of `report.claims`, a list as JSON.
    claims text not null,
    planned_ms integer not null,
    -- Trials that had succeeded by then.
    results integer not null
) strict;

create table trial (
    trial_id integer primary key,
    name text not null unique,
    -- Hash of config, seed and command: the same key is the same trial, whatever its name.
    key text not null unique,
    variant text not null,
    seed integer not null,
    -- In the order of the experiment file; null if it no longer names the trial (retired: kept, not
    -- shown).
    position integer,
    state text not null check (
        state in (
            'queued', 'starting', 'running', 'interrupted', 'cancelled', 'succeeded', 'failed'
        )
    ),
    -- The state with its data, as JSON.
    state_json text not null,
    changed_ms integer not null,
    -- The worker's build and the data's fingerprint at the newest plan: a trial whose attempts have
    -- others is stale.
    build text,
    data text,
    -- Attempts up to this number no longer count against the trial: it was retried on request.
    attempts_reset integer not null default 0,
    -- The work of attempts before this one does not count any more: the trial was restarted.
    first_attempt integer not null default 1,
    -- Trials of its variant that had succeeded when it was planned first.
    planned_after integer not null,
    -- 1 if it had been started before the journal, which has lost it, knew of it.
    unrecorded integer not null default 0
) strict;

-- The states of the worker's code that attempts have run, each once.
create table code (
    -- SHA-256 of `files`.
    hash text primary key,
    -- SHA-256 by path, as JSON.
    files text not null
) strict, without rowid;

create table attempt (
    attempt_id integer primary key,
    trial_id integer not null references trial,
    number integer not null,
    started_ms integer not null,
    -- The position in events.jsonl.
    bytes_read integer not null default 0,
    -- Lines that began before `bytes_read`.
    lines_read integer not null default 0,
    -- 1 if `bytes_read` lies within a line that is too long to be read.
    in_long_line integer not null default 0,
    -- Lines that are not an event of a known kind; counted, shown, never fatal.
    skipped_lines integer not null default 0,
    -- Events without some of their values, which are not numbers; counted and shown as well.
    partial_lines integer not null default 0,
    program text,
    -- The build and data that it was started with.
    build text,
    data text,
    -- Its code; null if none is known.
    code text references code,
    -- The folder that the code's paths are relative to.
    code_root text,
    -- The commit that was checked out, and 1 if the code differs from it.
    git_commit text,
    git_dirty integer,
    -- The program that interprets the code.
    interpreter text,
    device text,
    -- The step of the checkpoint that the attempt resumed from, -1 if it started from scratch, null
    -- until its hello or first point was read. Earlier attempts' points beyond it are superseded.
    resumed_from integer,
    -- The newest progress event.
    phase text,
    phase_step integer,
    phase_total integer,
    phase_time real,
    -- The step that it reached last, in any phase.
    last_step integer,
    -- The cause for which it was requested to stop; null if it was not.
    stop_cause text,
    -- The time of its last sign of life; null unless it has stalled.
    stalled_since_ms integer,
    -- The failure that its worker reported; null if it did not.
    failure_class text,
    failure_message text,
    -- 1 once its trial has succeeded by it.
    succeeded integer not null default 0,
    -- The seals of its files, as JSON; null until it has ended.
    seal text,
    -- Bytes of its events that count; null until it has ended.
    sealed_bytes integer generated always as (
        iif(seal is null, null, coalesce(json_extract(seal, '$.events.bytes'), 0))
    ) stored,
    unique (trial_id, number)
) strict;

-- Damaged files that were accepted as they are, by their paths in the run's folder; null if missing.
create table accepted_file (
    path text primary key,
    bytes integer,
    sha256 text
) strict, without rowid;

-- Files of this machine's copy of the run that agree with their seals: their size, times and inodes when
-- they were last compared. Not made from journal and events.
create table verified_file (
    path text primary key,
    stamp text not null
) strict, without rowid;

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

-- The first lines that were skipped, or values of which; `attempt` counts all.
create table skipped_line (
    attempt_id integer not null references attempt,
    line integer not null,
    reason text not null,
    primary key (attempt_id, line)
) strict, without rowid;

-- The series of points that an attempt reports: one of each metric, or of each of its items. `item` is
-- empty where the metric has none. Its number stands for all three in each of its points, which so take
-- less room and time.
create table attempt_series (
    series_id integer primary key,
    attempt_id integer not null references attempt,
    metric_id integer not null references metric,
    item text not null,
    unique (attempt_id, metric_id, item)
) strict;

-- One value at one step. NaN is null. Its series is no declared reference: SQLite would look it up for every
-- point, half as long again as it takes to write it.
create table point (
    series_id integer not null,
    step integer not null,
    value real,
    -- Seconds since the Unix epoch, by the worker's clock.
    time real,
    primary key (series_id, step)
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
    -- Relative to the trial's folder.
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

-- For every attempt, the last step at which no later attempt has superseded it; null if none has.
create view effective_attempt as
select
    attempt.attempt_id,
    attempt.trial_id,
    attempt.number,
    iif(attempt.number < trial.first_attempt, -1, (
        select min(later.resumed_from)
        from attempt as later
        where later.trial_id = attempt.trial_id and later.number > attempt.number
    )) as effective_until
from attempt
join trial using (trial_id);

-- Every point in effect, by name: the last attempt's where attempts overlap.
create view series as
select
    trial.name as trial,
    trial.variant,
    trial.seed,
    metric.name as metric,
    attempt_series.item,
    point.step,
    point.value,
    point.time,
    effective.number as attempt
from attempt_series
join effective_attempt as effective using (attempt_id)
join trial using (trial_id)
join metric using (metric_id)
-- A cross join, or SQLite begins with all points.
cross join point
    on point.series_id = attempt_series.series_id
    and point.step <= coalesce(effective.effective_until, 9223372036854775807)
where
    trial.position is not null
    -- An attempt that resumes from a checkpoint may report the checkpoint's own step again.
    and not exists (
        select 1
        from attempt as later
        join attempt_series as repeated using (attempt_id)
        join point as repeated_point on repeated_point.series_id = repeated.series_id
        where later.trial_id = effective.trial_id
            and later.number > effective.number
            and repeated.metric_id = attempt_series.metric_id
            and repeated.item = attempt_series.item
            and repeated_point.step = point.step
    );

-- Every trial's final values, by name: those of its last attempt, and of no earlier one.
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
where
    trial.position is not null
    and attempt.number >= trial.first_attempt
    and attempt.number = (
        select max(last.number) from attempt as last where last.trial_id = attempt.trial_id
    );
