-- Alert rules, and the notices that are shown on the board and the status page.

create table database_alert_config (
    id                    uuid        primary key default gen_random_uuid(),
    user_id               uuid        not null references users on delete cascade,
    credential_id         uuid        references database_credentials on delete cascade,
    alert_type            text        not null,
    threshold             jsonb       not null default '{}',
    notification_channels jsonb       not null default '{}',
    enabled               boolean     not null default true,
    created_at            timestamptz not null default mooring_now(),
    updated_at            timestamptz not null default mooring_now(),
    constraint database_alert_config_type_known
        check (alert_type in ('downtime', 'slow_response', 'error_rate', 'security', 'certificate'))
);
create index database_alert_config_user on database_alert_config (user_id);
create index database_alert_config_credential on database_alert_config (credential_id);
select trigger_updated_at('database_alert_config');
alter table database_alert_config enable row level security;
-- A rule may only be for a connection of one's own: the subquery is under the same policies.
create policy database_alert_config_own on database_alert_config to mooring_user
    using (user_id = (select mooring_user_id()))
    with check (
        user_id = (select mooring_user_id())
        and (credential_id is null or credential_id in (select id from database_credentials))
    );
grant select, insert, update, delete on database_alert_config to mooring_user;

create table notices (
    id            uuid        primary key default gen_random_uuid(),
    -- Whom it is for; null: the administrators.
    user_id       uuid        references users on delete cascade,
    credential_id uuid        references database_credentials on delete cascade,
    kind          text        not null,
    title         text        not null,
    body          text        not null default '',
    created_at    timestamptz not null default mooring_now(),
    -- Set when what it tells of is over.
    ended_at      timestamptz,
    dismissed_at  timestamptz
);
-- The same thing is told once while it lasts.
create unique index notices_open_key on notices (
    kind, coalesce(user_id, '00000000-0000-0000-0000-000000000000'), coalesce(credential_id, '00000000-0000-0000-0000-000000000000')
) where ended_at is null and dismissed_at is null;
create index notices_user on notices (user_id, created_at desc);
alter table notices enable row level security;
create policy notices_own on notices for select to mooring_user
    using (user_id = (select mooring_user_id())
        or (user_id is null and exists (select from users where id = (select mooring_user_id()) and role = 'admin')));
create policy notices_dismiss on notices for update to mooring_user
    using (user_id = (select mooring_user_id())
        or (user_id is null and exists (select from users where id = (select mooring_user_id()) and role = 'admin')));
grant select on notices to mooring_user;
grant update (dismissed_at) on notices to mooring_user;
