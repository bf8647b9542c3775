-- Connections: what to connect to, sealed, and where each one stands.

create table database_credentials (
    id                uuid        primary key default gen_random_uuid(),
    user_id           uuid        not null references users,
    provider          text        not null,
    connection_name   text        not null,
    -- The sealed envelope, `{"$sealed": 1, …}`. A row that is inserted as plaintext is sealed within a minute.
    credentials       jsonb       not null,
    is_active         boolean     not null default true,
    test_status       text,
    last_tested_at    timestamptz,
    -- The settings that may be shown and searched: host, port, database, user, TLS mode; never a secret.
    public_settings   jsonb       not null default '{}',
    check_interval_s  integer     not null default 300,
    slow_threshold_ms integer     not null default 3000,
    paused_at         timestamptz,
    -- Set when what to connect to changed, secrets included; not when they are only sealed anew.
    settings_changed_at timestamptz not null default mooring_now(),
    created_at        timestamptz not null default mooring_now(),
    updated_at        timestamptz not null default mooring_now(),
    constraint database_credentials_provider_known
        check (provider in ('postgresql', 'mysql', 'mongodb', 'firebase', 'supabase', 'legacy')),
    constraint database_credentials_name_length check (length(connection_name) between 1 and 200),
    constraint database_credentials_interval_range check (check_interval_s between 30 and 86400),
    constraint database_credentials_threshold_range check (slow_threshold_ms between 1 and 600000),
    constraint database_credentials_test_status_known check (test_status in ('success', 'failed'))
);
create unique index database_credentials_name_key on database_credentials (user_id, lower(connection_name)) where provider <> 'legacy';
create index database_credentials_user on database_credentials (user_id);
create index database_credentials_plaintext on database_credentials (id) where not credentials ? '$sealed';
select trigger_updated_at('database_credentials');

alter table database_credentials enable row level security;
create policy database_credentials_own on database_credentials to mooring_user
    using (user_id = (select mooring_user_id())) with check (user_id = (select mooring_user_id()));
grant select, insert, update, delete on database_credentials to mooring_user;

-- The hot part: what the monitor claims and rewrites at every check, kept apart from the sealed row.
create table connection_state (
    credential_id       uuid        primary key references database_credentials on delete cascade,
    -- Scheduling. `schedule_phase_s` is the connection's own place on the grid, from its id.
    next_check_at       timestamptz,
    lease_owner         uuid,
    lease_until         timestamptz,
    -- The last look.
    status              text        not null default 'unknown',
    status_since        timestamptz not null default mooring_now(),
    last_check_at       timestamptz,
    response_time_ms    integer,
    cause               text,
    failed_phase        text,
    error_code          text,
    error_message       text,
    -- `{"dns": 120, …}`, microseconds of each phase that was done.
    phases              jsonb,
    server_version      text,
    -- `TlsFacts`, also when the verification failed.
    tls                 jsonb,
    tls_expires_at      timestamptz,
    -- Checks in a row that ended down, and those among them that waiting cannot cure.
    consecutive_down    integer     not null default 0,
    consecutive_lasting integer     not null default 0,
    -- The one thing worth knowing of an answer (`slow at login: 3,190 of 3,412 ms`).
    note                text,
    -- The last check failed after seconds of silence: the next ones wait in a lane of their own.
    hangs               boolean     not null default false,
    -- Circuit breaker.
    breaker_state       text        not null default 'closed',
    breaker_opened_at   timestamptz,
    breaker_open_until  timestamptz,
    -- Failed attempts are counted from here: the last success or reset.
    breaker_counts_from timestamptz not null default mooring_now(),
    constraint connection_state_status_known check (status in ('healthy', 'degraded', 'down', 'unknown')),
    constraint connection_state_breaker_known check (breaker_state in ('closed', 'open', 'half_open'))
);
create index connection_state_due on connection_state (hangs, next_check_at) where next_check_at is not null;
create index connection_state_lease on connection_state (lease_until) where lease_owner is not null;

alter table connection_state enable row level security;
create policy connection_state_own on connection_state for select to mooring_user
    using (credential_id in (select id from database_credentials));
grant select on connection_state to mooring_user;
-- An owner may reset the breaker of a connection; everything else here is the monitor's to write.
create policy connection_state_reset_breaker on connection_state for update to mooring_user
    using (credential_id in (select id from database_credentials));
grant update (breaker_state, breaker_opened_at, breaker_open_until, breaker_counts_from) on connection_state to mooring_user;

-- Rows that come by SQL (imports, the seed's migration) are watched like those that come by the form.
create function start_watching() returns trigger
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    insert into connection_state (credential_id, next_check_at)
    values (new.id, case when new.is_active and new.provider <> 'legacy' then mooring_now() end);
    return new;
end
$$;
create trigger start_watching after insert on database_credentials for each row execute function start_watching();

-- Pausing takes a connection off the schedule; resuming it, choosing a provider, another interval or other
-- settings puts it on again at once. With other settings, what waiting could not cure may be cured.
create function follow_activity() returns trigger
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    update connection_state
       set next_check_at       = case when new.is_active and new.provider <> 'legacy' then mooring_now() end,
           consecutive_lasting = case when old.settings_changed_at is distinct from new.settings_changed_at
                                      then 0 else consecutive_lasting end
     where credential_id = new.id;
    return new;
end
$$;
create trigger follow_activity after update of is_active, provider, check_interval_s, settings_changed_at on database_credentials for each row
    when (old.is_active is distinct from new.is_active
       or old.provider is distinct from new.provider
       or old.check_interval_s is distinct from new.check_interval_s
       or old.settings_changed_at is distinct from new.settings_changed_at)
    execute function follow_activity();
