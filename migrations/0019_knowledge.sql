-- Learning that nobody can bend: who said what of which kind counts once and apart from what our checks saw, and what
-- waits unseen costs nobody anything.

-- Which account says of which kind of configuration that it works: each once, and compared with by nobody.
create table pattern_reports (
    pattern_id  uuid        not null references connection_patterns on delete cascade,
    user_id     uuid        not null references users on delete cascade,
    reported_at timestamptz not null default mooring_now(),
    constraint pattern_reports_key primary key (pattern_id, user_id)
);
create index pattern_reports_user on pattern_reports (user_id);
alter table pattern_reports enable row level security;
create policy pattern_reports_own on pattern_reports for select to mooring_user
    using (user_id = (select mooring_user_id()));
grant select on pattern_reports to mooring_user;

-- What came without a token and waits, by when it was last heard of: so it goes again.
create index database_knowledge_base_waiting on database_knowledge_base (updated_at)
    where origin = 'anonymous' and shared_at is null;

-- What came without a token and waits is found by no search, so no search has to be done anew for it.
create or replace function count_knowledge_version() returns trigger
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    insert into knowledge_versions as stored (provider)
    select provider from changed where origin <> 'anonymous' or shared_at is not null group by provider order by provider
        on conflict (provider) do update set version = stored.version + 1;
    return null;
end
$$;
