-- The log's chain: each entry, in the order in which it was added, with an HMAC over it and the one before. The
-- key is not here. Entries join the chain right after their transaction, not within it: what is done is
-- recorded together with its entry, and nothing waits for anything else that is recorded.

create table audit_chain (
    -- 1, 2, 3 … without a gap.
    position   bigint      primary key,
    -- No foreign key: that an entry is gone is for the verification to find.
    entry_id   uuid        not null,
    mac        bytea       not null,
    chained_at timestamptz not null default mooring_now(),
    constraint audit_chain_entry_key unique (entry_id),
    constraint audit_chain_position_positive check (position > 0)
);
create trigger append_only before update or delete on audit_chain for each row execute function refuse_change();
create trigger append_only_table before truncate on audit_chain execute function refuse_change();

-- Entries that are not in the chain yet.
create table audit_pending (
    entry_id uuid primary key
);

create function await_chain() returns trigger
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    insert into audit_pending (entry_id) values (new.id);
    perform pg_notify('mooring_audit', '');
    return new;
end
$$;
create trigger await_chain after insert on database_audit_log for each row execute function await_chain();
insert into audit_pending (entry_id) select id from database_audit_log;

create unique index database_audit_log_seq on database_audit_log (seq);

-- Administrators read the whole log; it tells who did what, and nothing of what a connection holds.
create policy database_audit_log_admin on database_audit_log for select to mooring_user
    using (exists (select from users where id = (select mooring_user_id()) and role = 'admin'));
