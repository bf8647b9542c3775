-- Checks and what is counted from them.

create table database_connection_health (
    id               uuid        not null default gen_random_uuid(),
    credential_id    uuid        not null references database_credentials on delete cascade,
    status           text        not null,
    response_time_ms integer,
    error_message    text,
    check_timestamp  timestamptz not null default mooring_now(),
    alerts_sent      boolean     not null default false,
    -- Who asked: the schedule, a person, a token.
    origin           text        not null default 'schedule',
    attempts         integer     not null default 1,
    cause            text,
    failed_phase     text,
    error_code       text,
    -- What is worth knowing of an answer.
    note             text,
    -- Microseconds of each phase that was done.
    dns_us           integer,
    tcp_us           integer,
    tls_us           integer,
    auth_us          integer,
    database_us      integer,
    query_us         integer,
    primary key (id, check_timestamp),
    constraint database_connection_health_status_known check (status in ('healthy', 'degraded', 'down', 'unknown')),
    constraint database_connection_health_origin_known check (origin in ('schedule', 'person', 'token', 'cron', 'retry'))
) partition by range (check_timestamp);

create index idx_health_credential_timestamp on database_connection_health(credential_id, check_timestamp desc);

alter table database_connection_health enable row level security;
create policy database_connection_health_own on database_connection_health for select to mooring_user
    using (credential_id in (select id from database_credentials));
grant select on database_connection_health to mooring_user;

-- One partition a month. Made ahead by the server (a month back, three ahead), dropped by retention.
create function ensure_health_partitions(p_from timestamptz, p_to timestamptz) returns integer
    language plpgsql security definer set search_path = public, pg_temp
    as $$
declare
    month timestamptz := date_trunc('month', p_from at time zone 'UTC') at time zone 'UTC';
    ends  timestamptz;
    child text;
    made  integer := 0;
begin
    -- Several processes may start at once.
    perform pg_advisory_xact_lock(hashtext('ensure_health_partitions'));
    while month <= p_to loop
        ends  := (month at time zone 'UTC' + interval '1 month') at time zone 'UTC';
        child := 'database_connection_health_' || to_char(month at time zone 'UTC', 'YYYY_MM');
        if to_regclass(child) is null then
            execute format(
                'create table %I partition of database_connection_health for values from (%L) to (%L)', child, month, ends
            );
            -- Reached by its own name, a partition has only its own policies: none.
            execute format('alter table %I enable row level security', child);
            made := made + 1;
        end if;
        month := ends;
    end loop;
    return made;
end
$$;
revoke all on function ensure_health_partitions(timestamptz, timestamptz) from public;
select ensure_health_partitions(mooring_now() - interval '1 month', mooring_now() + interval '3 months');

create table database_connection_retries (
    id               uuid        primary key default gen_random_uuid(),
    credential_id    uuid        not null references database_credentials on delete cascade,
    attempt_number   integer     not null,
    success          boolean     not null,
    error_message    text,
    retry_strategy   jsonb       not null default '{}',
    backoff_delay_ms integer     not null default 0,
    attempted_at     timestamptz not null default mooring_now(),
    origin           text        not null default 'schedule',
    cause            text,
    failed_phase     text,
    is_transient     boolean,
    duration_ms      integer,
    -- The check or operation that the attempt belongs to.
    check_id         uuid,
    constraint database_connection_retries_attempt_positive check (attempt_number > 0)
);
create index idx_retries_credential on database_connection_retries(credential_id, attempted_at desc);
alter table database_connection_retries enable row level security;
create policy database_connection_retries_own on database_connection_retries for select to mooring_user
    using (credential_id in (select id from database_credentials));
grant select on database_connection_retries to mooring_user;

create table database_performance_metrics (
    id                   uuid    primary key default gen_random_uuid(),
    credential_id        uuid    not null references database_credentials on delete cascade,
    metric_date          date    not null,
    avg_response_time_ms numeric,
    total_requests       integer not null default 0,
    successful_requests  integer not null default 0,
    failed_requests      integer not null default 0,
    uptime_percentage    numeric,
    -- What the mean and the percentage are made of: each check holds until the next one, at most twice the interval.
    response_ms_sum      bigint           not null default 0,
    up_seconds           double precision not null default 0,
    down_seconds         double precision not null default 0,
    updated_at           timestamptz not null default mooring_now(),
    constraint database_performance_metrics_day_key unique (credential_id, metric_date)
);
create index idx_metrics_credential_date on database_performance_metrics(credential_id, metric_date desc);
select trigger_updated_at('database_performance_metrics');
alter table database_performance_metrics enable row level security;
create policy database_performance_metrics_own on database_performance_metrics for select to mooring_user
    using (credential_id in (select id from database_credentials));
grant select on database_performance_metrics to mooring_user;

-- The board's beats and the charts of weeks and months: written with each check, so that no page reads a
-- month of checks. The sums of the phases are those of the checks that were answered.
create table connection_half_hours (
    credential_id   uuid             not null references database_credentials on delete cascade,
    half_hour       timestamptz      not null,
    healthy         integer          not null default 0,
    degraded        integer          not null default 0,
    down            integer          not null default 0,
    unknown         integer          not null default 0,
    response_ms_sum bigint           not null default 0,
    response_ms_max integer          not null default 0,
    dns_us          bigint           not null default 0,
    tcp_us          bigint           not null default 0,
    tls_us          bigint           not null default 0,
    auth_us         bigint           not null default 0,
    database_us     bigint           not null default 0,
    query_us        bigint           not null default 0,
    up_seconds      double precision not null default 0,
    down_seconds    double precision not null default 0,
    primary key (credential_id, half_hour)
);
alter table connection_half_hours enable row level security;
create policy connection_half_hours_own on connection_half_hours for select to mooring_user
    using (credential_id in (select id from database_credentials));
grant select on connection_half_hours to mooring_user;

-- The foot of every page says when a process last looked for due checks.
grant select (seen_at, last_sweep_at) on workers to mooring_user;

-- One row for each new cause of a connection, with how often and how long; not one for each check.
create table database_connection_errors (
    id              uuid        primary key default gen_random_uuid(),
    user_id         uuid        not null references users on delete cascade,
    credential_id   uuid        references database_credentials on delete cascade,
    provider        text        not null,
    error_message   text        not null,
    ai_analysis     jsonb,
    suggested_fixes jsonb,
    fix_applied     boolean     not null default false,
    resolved        boolean     not null default false,
    cause           text        not null default 'unknown',
    failed_phase    text,
    error_code      text,
    occurrences     integer     not null default 1,
    first_seen_at   timestamptz not null default mooring_now(),
    last_seen_at    timestamptz not null default mooring_now(),
    resolved_at     timestamptz,
    created_at      timestamptz not null default mooring_now(),
    updated_at      timestamptz not null default mooring_now()
);
create unique index database_connection_errors_open_key on database_connection_errors (credential_id, cause) where not resolved;
create index database_connection_errors_recent on database_connection_errors (credential_id, last_seen_at desc);
create index database_connection_errors_user on database_connection_errors (user_id, last_seen_at desc);
select trigger_updated_at('database_connection_errors');
alter table database_connection_errors enable row level security;
create policy database_connection_errors_own on database_connection_errors for select to mooring_user
    using (user_id = (select mooring_user_id()));
grant select on database_connection_errors to mooring_user;

-- The share of time, weighed, in which the connection answered (healthy or degraded), in percent with
-- two decimals; null where nothing is known. Each check holds until the next one, at most twice the
-- interval; `unknown` is left out. The caller's row-level security decides what is seen.
create function calculate_uptime_percentage(p_credential_id uuid, p_hours integer default 24) returns numeric
    language sql stable
    as $$
    with checks as (
        select status, check_timestamp as at,
               lead(check_timestamp) over (order by check_timestamp) as next_at
          from database_connection_health
         where credential_id = p_credential_id
           and check_timestamp > mooring_now() - make_interval(hours => least(greatest(p_hours, 1), 87600))
           and check_timestamp <= mooring_now()
    ), spans as (
        select checks.status,
               extract(epoch from least(
                   coalesce(next_at, mooring_now()) - at, make_interval(secs => 2 * connection.check_interval_s)
               )) as seconds
          from checks
          join database_credentials as connection on connection.id = p_credential_id
    )
    select round(100 * coalesce(sum(seconds) filter (where status in ('healthy', 'degraded')), 0)
                 / nullif(sum(seconds) filter (where status <> 'unknown'), 0), 2)
      from (select status, greatest(seconds, 0.001) as seconds from spans) as weighed
$$;
