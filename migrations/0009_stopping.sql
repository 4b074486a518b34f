-- Why the last supervisor stopped before all was done, as JSON; null unless it did. By it whoever waits
-- for the end of a run says the same as who ran it.
alter table journal add column stopping text;
