-- What an attempt was started with. The trial's own build and data are from now on those of the
-- newest plan: what it would be made with today.
alter table attempt add column data text;

update attempt set
    build = coalesce(
        build, (select build from trial where trial.trial_id = attempt.trial_id)
    ),
    data = (select data from trial where trial.trial_id = attempt.trial_id);
