-- Is it us? And: between pausing and resuming nothing is known.

-- What the processes of one machine (its name, as in `workers`) know together about its network: the hosts of which
-- nothing came back since anything last did. Of nobody: our own network is judged by it, and no target.
create table silent_hosts (
    machine   text        not null,
    host      text        not null,
    silent_at timestamptz not null default mooring_now(),
    primary key (machine, host)
);

-- When a control target last answered there. Targets that never did say nothing by being silent.
create table control_answers (
    machine     text        not null,
    -- As they are set: other ones begin anew.
    targets     text        not null,
    answered_at timestamptz not null default mooring_now(),
    primary key (machine, targets)
);

-- Whether there is an outage to be ended is asked with every batch of results.
create index notices_network_outage on notices (user_id) where kind = 'network_outage' and ended_at is null;

-- Since when it is paused, whoever pauses it and how.
create function note_pause() returns trigger
    language plpgsql
    as $$
begin
    new.paused_at := case when not new.is_active then mooring_now() end;
    return new;
end
$$;
create trigger note_pause before update of is_active on database_credentials for each row
    when (old.is_active is distinct from new.is_active)
    execute function note_pause();

-- What the last check found ends with the pause: the time for which it held is added to its half hour and its day, as
-- the next check would have done, and an `unknown` row stands after it. A check that was asked for during the pause
-- spoke for its moment only; that ends when the connection is resumed.
create function end_what_is_known() returns trigger
    language plpgsql security definer set search_path = public, pg_temp
    as $$
declare
    last     connection_state;
    ends     timestamptz;
    held     double precision;
    up_for   double precision := 0;
    down_for double precision := 0;
begin
    select * into last from connection_state where credential_id = new.id for update;
    if last.last_check_at is null or last.status = 'unknown' then
        return new;
    end if;
    ends := last.last_check_at + interval '1 millisecond';
    if old.is_active then
        ends := greatest(ends, mooring_now());
    end if;
    held := extract(epoch from least(ends - last.last_check_at, make_interval(secs => 2 * old.check_interval_s)));
    if last.status = 'down' then
        down_for := held;
    else
        up_for := held;
    end if;
    update connection_half_hours
       set up_seconds = up_seconds + up_for, down_seconds = down_seconds + down_for
     where credential_id = new.id
       and half_hour = date_bin('30 minutes', last.last_check_at, 'epoch');
    update database_performance_metrics
       set up_seconds        = up_seconds + up_for,
           down_seconds      = down_seconds + down_for,
           uptime_percentage = round((100 * (up_seconds + up_for)
                                      / nullif(up_seconds + up_for + down_seconds + down_for, 0))::numeric, 2)
     where credential_id = new.id
       and metric_date = (last.last_check_at at time zone 'UTC')::date;
    -- The history surely reaches back so far; a month further its partition may be gone.
    if ends > mooring_now() - interval '28 days' then
        insert into database_connection_health (credential_id, status, check_timestamp, attempts, note)
        values (new.id, 'unknown', ends, 0, 'paused');
        insert into connection_half_hours as stored (credential_id, half_hour, unknown)
        values (new.id, date_bin('30 minutes', ends, 'epoch'), 1)
            on conflict (credential_id, half_hour) do update set unknown = stored.unknown + 1;
    end if;
    update connection_state
       set status = 'unknown', status_since = ends, cause = null, failed_phase = null, error_code = null,
           error_message = null, note = null
     where credential_id = new.id;
    return new;
end
$$;
create trigger end_what_is_known after update of is_active on database_credentials for each row
    when (old.is_active is distinct from new.is_active)
    execute function end_what_is_known();
