-- Who did what, from where, with what outcome. No foreign keys: the log outlives what it tells of.

create table database_audit_log (
    id            uuid        primary key default gen_random_uuid(),
    seq           bigint      generated always as identity,
    user_id       uuid,
    credential_id uuid,
    action        text        not null,
    status        text        not null,
    details       jsonb       not null default '{}',
    ip_address    text,
    user_agent    text,
    created_at    timestamptz not null default mooring_now(),
    constraint database_audit_log_status_known check (status in ('success', 'failed', 'refused'))
);
create index database_audit_log_user on database_audit_log (user_id, seq desc);

create function refuse_change() returns trigger
    language plpgsql
    as $$
begin
    raise exception 'the audit log can only be added to' using errcode = 'insufficient_privilege';
end
$$;
create trigger append_only before update or delete on database_audit_log for each row execute function refuse_change();
create trigger append_only_table before truncate on database_audit_log execute function refuse_change();

alter table database_audit_log enable row level security;
create policy database_audit_log_own on database_audit_log for select to mooring_user
    using (user_id = (select mooring_user_id()));
grant select on database_audit_log to mooring_user;
-- One may add what one did oneself, and nothing in another's name. `id`, `seq` and the time are the table's own.
create policy database_audit_log_add on database_audit_log for insert to mooring_user
    with check (user_id = (select mooring_user_id()));
grant insert (user_id, credential_id, action, status, details, ip_address, user_agent) on database_audit_log to mooring_user;
