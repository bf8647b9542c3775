-- What every other migration stands on: the clock, the role that row-level security binds, triggers.

-- Time comes from one place, so that tests can shift it. The row is the shift; in production it stays zero.
create table mooring_clock (
    one   boolean  primary key default true,
    shift interval not null    default '0',
    constraint mooring_clock_one_row check (one)
);
insert into mooring_clock default values;

-- Stable, so that an index can be searched with it: every row of one statement sees the same time.
create function mooring_now() returns timestamptz
    language sql stable parallel safe
    as $$ select statement_timestamp() + shift from mooring_clock $$;

-- The role is shared by all databases of a server, so another one may have made it, even at this moment.
do $$
begin
    if not exists (select from pg_roles where rolname = 'mooring_user') then
        create role mooring_user nologin noinherit;
    end if;
exception when duplicate_object or unique_violation then
    null;
end
$$;
do $$
begin
    -- From version 16 on the maker of a role is a member of it that may not become it without a further grant.
    if not pg_has_role(
        current_user, 'mooring_user',
        case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end
    ) then
        execute format('grant mooring_user to %I', current_user);
    end if;
end
$$;

grant usage on schema public to mooring_user;
grant select on mooring_clock to mooring_user;

-- The account on whose behalf the transaction runs. A setting that was reset reads '', not null.
create function mooring_user_id() returns uuid
    language sql stable parallel safe
    as $$ select nullif(current_setting('mooring.user_id', true), '')::uuid $$;

create function set_updated_at() returns trigger
    language plpgsql
    as $$
begin
    new.updated_at := mooring_now();
    return new;
end
$$;

create function trigger_updated_at(target regclass) returns void
    language plpgsql
    as $$
begin
    execute format(
        'create trigger set_updated_at before update on %s for each row when (old is distinct from new) execute function set_updated_at()',
        target
    );
end
$$;

-- Facts about this installation that belong to the database: the check value of the master key, …
create table mooring_facts (
    name       text        primary key,
    value      jsonb       not null,
    updated_at timestamptz not null default mooring_now()
);

-- The processes that serve this database, with the pulse of each one's monitor.
create table workers (
    id             uuid        primary key,
    host           text        not null,
    pid            integer     not null,
    version        text        not null,
    started_at     timestamptz not null default mooring_now(),
    seen_at        timestamptz not null default mooring_now(),
    last_sweep_at  timestamptz,
    last_sweep     jsonb
);
