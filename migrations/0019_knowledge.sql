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
