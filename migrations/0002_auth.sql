-- Accounts, sessions, API tokens.

create table users (
    id                uuid        primary key default gen_random_uuid(),
    email             text        not null,
    password_hash     text        not null,
    role              text        not null default 'member',
    -- Raised by "sign out everywhere" and by a new password: older sessions no longer count.
    session_epoch     integer     not null default 0,
    -- Sealed; counts only once it is confirmed by a first code.
    totp_secret       bytea,
    totp_confirmed_at timestamptz,
    -- The last time step that was used, so that a code works once.
    totp_last_step    bigint,
    last_sign_in_at   timestamptz,
    created_at        timestamptz not null default mooring_now(),
    updated_at        timestamptz not null default mooring_now(),
    constraint users_role_known check (role in ('admin', 'member')),
    constraint users_email_length check (length(email) between 3 and 254)
);
create unique index users_email_key on users (lower(email));
select trigger_updated_at('users');

alter table users enable row level security;
create policy users_own on users for select to mooring_user using (id = (select mooring_user_id()));
-- Not the hash, not the TOTP secret: those are read by `auth` alone.
grant select (id, email, role, totp_confirmed_at, last_sign_in_at, created_at, updated_at) on users to mooring_user;

create table recovery_codes (
    id        uuid        primary key default gen_random_uuid(),
    user_id   uuid        not null references users on delete cascade,
    code_hash bytea       not null,
    used_at   timestamptz,
    constraint recovery_codes_hash_key unique (user_id, code_hash)
);
alter table recovery_codes enable row level security;
create policy recovery_codes_own on recovery_codes for select to mooring_user using (user_id = (select mooring_user_id()));
grant select (id, user_id, used_at) on recovery_codes to mooring_user;

create table api_tokens (
    id           uuid        primary key default gen_random_uuid(),
    user_id      uuid        not null references users on delete cascade,
    name         text        not null,
    -- SHA-256 of 256 random bits: nothing to guess, so a fast hash serves (OWASP ASVS 5.0, 6.5.2).
    token_hash   bytea       not null,
    -- The first characters, by which a person knows it again.
    prefix       text        not null,
    scope        text        not null default 'full',
    created_at   timestamptz not null default mooring_now(),
    last_used_at timestamptz,
    revoked_at   timestamptz,
    constraint api_tokens_hash_key unique (token_hash),
    constraint api_tokens_scope_known check (scope in ('full', 'read', 'cron')),
    constraint api_tokens_name_length check (length(name) between 1 and 100)
);
create index api_tokens_user on api_tokens (user_id, created_at desc);
alter table api_tokens enable row level security;
create policy api_tokens_own on api_tokens to mooring_user
    using (user_id = (select mooring_user_id())) with check (user_id = (select mooring_user_id()));
grant select (id, user_id, name, prefix, scope, created_at, last_used_at, revoked_at) on api_tokens to mooring_user;
grant insert (user_id, name, token_hash, prefix, scope) on api_tokens to mooring_user;
grant update (revoked_at) on api_tokens to mooring_user;

-- Browser sessions. The id in the cookie is a bearer secret, so only its SHA-256 is here. Read by `auth` alone.
create table sessions (
    id_hash    bytea       primary key,
    data       jsonb       not null,
    expires_at timestamptz not null
);
create index sessions_expiry on sessions (expires_at);

-- Browsers that signed in before, by the SHA-256 of their cookie: what strangers do to an account does not
-- slow these down. Read by `auth` alone: `mooring_user` has no privilege on it.
create table known_devices (
    user_id     uuid        not null references users on delete cascade,
    device_hash bytea       not null,
    seen_at     timestamptz not null default mooring_now(),
    primary key (user_id, device_hash)
);
create index known_devices_age on known_devices (seen_at);

-- Tries at passwords and codes, each kind of key with a policy of its own in `auth/server/throttle.rs`. A try
-- is counted before it is made and given back when it was right, so that parallel ones cannot slip by.
create table sign_in_throttle (
    -- SHA-256 of what is counted by: an account, an address, both, a device.
    key           bytea       primary key,
    failures      integer     not null default 0,
    counted_at    timestamptz not null default mooring_now(),
    blocked_until timestamptz,
    constraint sign_in_throttle_failures_positive check (failures >= 0)
);
create index sign_in_throttle_age on sign_in_throttle (counted_at);
