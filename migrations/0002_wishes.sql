-- What people wish of trials: that they are not carried on, or tried again; and what the retry
-- policy must remember when its supervisor has died.

-- SQLite cannot change a check: the column is made anew. The view that reads it steps aside.
drop view final;
alter table trial rename column state to old_state;
alter table trial add column state text not null default 'queued' check (
    state in ('queued', 'starting', 'running', 'interrupted', 'cancelled', 'succeeded', 'failed')
);
update trial set state = old_state;
alter table trial drop column old_state;

-- Attempts up to this number no longer count against the trial: a person had it tried again.
alter table trial add column forgiven integer not null default 0;

-- Why the attempt was asked to stop; null if it was not.
alter table attempt add column stop_cause text;
-- The step that it came to last, of whatever phase.
alter table attempt add column last_step integer;

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
