-- Quiet mode, for databases that sleep, and labels to find and handle many connections by.

alter table database_credentials
    -- `auto`: quiet where the host is known for databases that sleep.
    add column quiet_mode  text   not null default 'auto',
    -- `production`, `staging`, …: one word, or none.
    add column environment text,
    add column tags        text[] not null default '{}',
    add constraint database_credentials_quiet_mode_known check (quiet_mode in ('auto', 'on', 'off')),
    add constraint database_credentials_environment_length check (length(environment) between 1 and 40),
    add constraint database_credentials_tags_count check (cardinality(tags) <= 20);

alter table connection_state
    -- When a check last went as far as the query and was answered, and whether others were at work there.
    add column looked_at      timestamptz,
    add column others_at_work boolean not null default false,
    -- The last check went no further than TCP and TLS.
    add column is_quiet       boolean not null default false;

-- With other settings, what the last look found says nothing any more.
create or replace function follow_activity() returns trigger
    language plpgsql security definer set search_path = public, pg_temp
    as $$
declare
    has_new_settings constant boolean := old.settings_changed_at is distinct from new.settings_changed_at;
begin
    update connection_state
       set next_check_at       = case when new.is_active and new.provider <> 'legacy' then mooring_now() end,
           consecutive_lasting = case when has_new_settings then 0 else consecutive_lasting end,
           looked_at           = case when has_new_settings then null else looked_at end
     where credential_id = new.id;
    return new;
end
$$;
