-- Checkpoints whose files somebody had removed. By attempt and step and not a column of the
-- checkpoint: the journal, which says so, is read before the events, which say that there was one.
create table removed_checkpoint (
    attempt_id integer not null references attempt,
    step integer not null,
    removed_ms integer not null,
    primary key (attempt_id, step)
) strict, without rowid;
