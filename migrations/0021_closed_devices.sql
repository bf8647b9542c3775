-- Row-level security on the last table that names accounts. `mooring_user` has no privilege on it and there is no
-- policy: it stays closed even if somebody grants one.
alter table known_devices enable row level security;

-- By the trigger, as on every other table with this column, so that a statement by hand tells of itself too.
select trigger_updated_at('mooring_facts');
