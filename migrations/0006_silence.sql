-- Since when nothing has been heard of an attempt; null unless that has been too long.
alter table attempt add column silent_since_ms integer;
