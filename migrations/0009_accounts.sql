-- Handing over what an account had, and putting old history away.

-- Gives what is known of these connections to their new owner: every table that says both whose a row is and
-- which connection it is about. The log stays as it was written.
create function hand_over_rows(p_credentials uuid[], p_to uuid) returns void
    language plpgsql
    as $$
declare
    target regclass;
begin
    for target in
        select c.oid::regclass
          from pg_class as c
          join pg_attribute as owner on owner.attrelid = c.oid and owner.attname = 'user_id' and not owner.attisdropped
          join pg_attribute as about on about.attrelid = c.oid and about.attname = 'credential_id' and not about.attisdropped
         where c.relnamespace = 'public'::regnamespace
           and c.relkind in ('r', 'p')
           and not c.relispartition
           and c.relname <> 'database_audit_log'
         order by c.relname
    loop
        execute format('update %s set user_id = $2 where credential_id = any ($1)', target) using p_credentials, p_to;
    end loop;
end
$$;
revoke all on function hand_over_rows(uuid[], uuid) from public;

-- Drops the months of the history that ended before `p_before`; returns how many. A month goes as a whole: no
-- row is looked at, and its space is free at once.
create function drop_health_partitions(p_before timestamptz) returns integer
    language plpgsql
    as $$
declare
    child   text;
    dropped integer := 0;
begin
    for child in
        select c.relname
          from pg_inherits as i
          join pg_class as c on c.oid = i.inhrelid
         where i.inhparent = 'database_connection_health'::regclass
           and c.relname ~ '^database_connection_health_\d{4}_\d{2}$'
           and (to_timestamp(right(c.relname, 7), 'YYYY_MM')::timestamp + interval '1 month') at time zone 'UTC' <= p_before
         order by c.relname
    loop
        execute format('drop table %I', child);
        dropped := dropped + 1;
    end loop;
    return dropped;
end
$$;
revoke all on function drop_health_partitions(timestamptz) from public;
