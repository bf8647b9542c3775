-- Learning: what is one entry, who sees it, what counted for and against it; the patterns of what works.

alter table database_knowledge_base
    -- What was done, reduced to what makes two cures the same (`knowledge::fix_key`).
    add column fix_key   text        not null default '',
    -- Where the words come from.
    add column origin    text        not null default 'person',
    -- The name within the built-in stock, so that a newer version finds its entries again.
    add column stock_key text,
    add column successes integer     not null default 0,
    add column failures  integer     not null default 0,
    -- Taken out of sight by an administrator; learning goes on.
    add column hidden_at timestamptz,
    -- Words that an administrator changed are not overwritten by a newer stock.
    add column edited_at timestamptz,
    add constraint database_knowledge_base_origin_known
        check (origin in ('stock', 'product', 'person', 'anonymous', 'import')),
    add constraint database_knowledge_base_counts_positive check (successes >= 0 and failures >= 0),
    -- What came without a token stays below the threshold of suggestions until it is confirmed.
    add constraint database_knowledge_base_quarantine
        check (origin <> 'anonymous' or shared_at is not null or confidence_score < 60);

update database_knowledge_base set cause = 'unknown' where cause is null;
update database_knowledge_base set fix_key = id::text where fix_key = '';
alter table database_knowledge_base
    alter column cause set default 'unknown',
    alter column cause set not null;

-- The same (provider, cause, normalised fix) is one entry: one for all, and until it is confirmed one for each author
-- and one for all that came without a token. Of another author's nobody learns by trying.
create unique index database_knowledge_base_shared_key on database_knowledge_base (provider, cause, fix_key)
    where shared_at is not null and fix_key <> '';
create unique index database_knowledge_base_author_key on database_knowledge_base (provider, cause, fix_key, author_id)
    where shared_at is null and author_id is not null and fix_key <> '';
create unique index database_knowledge_base_anonymous_key on database_knowledge_base (provider, cause, fix_key)
    where shared_at is null and origin = 'anonymous' and fix_key <> '';
create unique index database_knowledge_base_stock_key on database_knowledge_base (stock_key);
create index database_knowledge_base_author on database_knowledge_base (author_id) where author_id is not null;

-- `array_to_string` is not immutable for every type; for text it is.
create function knowledge_words(words text[]) returns text
    language sql immutable parallel safe
    as $$ select array_to_string(words, ' ') $$;

alter table database_knowledge_base add column search tsvector generated always as (
    setweight(to_tsvector('english', title || ' ' || replace(cause, '_', ' ')), 'A')
        || setweight(to_tsvector('english', description || ' ' || knowledge_words(tags)), 'B')
        || setweight(to_tsvector('english', solution), 'C')
) stored;
-- A trigger that compares whole rows cannot stand beside a generated column: this one names what counts.
drop trigger set_updated_at on database_knowledge_base;
create trigger set_updated_at before update on database_knowledge_base for each row when (
    (old.provider, old.category, old.title, old.description, old.solution, old.success_rate, old.confidence_score,
     old.usage_count, old.code_examples, old.tags, old.cause, old.author_id, old.shared_at, old.hidden_at)
    is distinct from
    (new.provider, new.category, new.title, new.description, new.solution, new.success_rate, new.confidence_score,
     new.usage_count, new.code_examples, new.tags, new.cause, new.author_id, new.shared_at, new.hidden_at)
) execute function set_updated_at();
create index database_knowledge_base_search on database_knowledge_base using gin (search);

-- How alike two texts are, from 0 to 1. Trigrams where the extension is there or may be made; where it may not (a
-- server that somebody else runs), the share of words that both have, which finds less but errs no more often.
do $$
declare
    home text;
begin
    begin
        create extension if not exists pg_trgm;
    exception when others then
        raise notice 'pg_trgm is not available (%): texts are compared by their words', sqlerrm;
    end;
    select quote_ident(nspname) into home
      from pg_extension join pg_namespace on pg_namespace.oid = extnamespace
     where extname = 'pg_trgm';
    if home is not null then
        execute format(
            'create function knowledge_similarity(a text, b text) returns real
                 language sql immutable parallel safe
                 as %L', format('select greatest(%1$s.similarity(a, b), %1$s.word_similarity(a, b) * 0.8)::real', home)
        );
    else
        create function knowledge_similarity(a text, b text) returns real
            language sql immutable parallel safe
            as $f$
            with a_words as (select unnest(tsvector_to_array(to_tsvector('english', a))) as word),
                 b_words as (select unnest(tsvector_to_array(to_tsvector('english', b))) as word),
                 both_have as (select word from a_words intersect select word from b_words),
                 any_has as (select word from a_words union select word from b_words)
            select coalesce((select count(*) from both_have)::real / nullif((select count(*) from any_has), 0), 0)::real
        $f$;
    end if;
end
$$;

-- Hidden entries are out of sight for their authors too.
drop policy database_knowledge_base_visible on database_knowledge_base;
create policy database_knowledge_base_visible on database_knowledge_base for select to mooring_user
    using (hidden_at is null and (shared_at is not null or author_id = (select mooring_user_id())));

-- Who said of which entry that it worked, for which of one's own errors. The last word of each counts as theirs.
create table knowledge_reports (
    id           uuid        primary key default gen_random_uuid(),
    knowledge_id uuid        not null references database_knowledge_base on delete cascade,
    user_id      uuid        not null references users on delete cascade,
    error_id     uuid        references database_connection_errors on delete cascade,
    worked       boolean     not null,
    reports      integer     not null default 1,
    reported_at  timestamptz not null default mooring_now()
);
create unique index knowledge_reports_key on knowledge_reports
    (knowledge_id, user_id, coalesce(error_id, '00000000-0000-0000-0000-000000000000'));
create index knowledge_reports_user on knowledge_reports (user_id);
create index knowledge_reports_error on knowledge_reports (error_id) where error_id is not null;
alter table knowledge_reports enable row level security;
create policy knowledge_reports_own on knowledge_reports for select to mooring_user
    using (user_id = (select mooring_user_id()));
grant select on knowledge_reports to mooring_user;

-- What configurations that work have in common: classes only, nothing of anyone's. One row for each kind.
create table connection_patterns (
    id                uuid        primary key default gen_random_uuid(),
    provider          text        not null,
    port_class        text        not null,
    tls_mode          text        not null,
    route             text        not null,
    host_class        text        not null,
    success_count     bigint      not null default 0,
    -- Claims that came without a token: kept apart, counted for nothing.
    unconfirmed_count bigint      not null default 0,
    first_seen_at     timestamptz not null default mooring_now(),
    last_seen_at      timestamptz not null default mooring_now(),
    constraint connection_patterns_kind_key unique (provider, port_class, tls_mode, route, host_class)
);
grant select (id, provider, port_class, tls_mode, route, host_class, success_count) on connection_patterns to mooring_user;

-- What a connection's settings were when its success was last learnt from: a success is one the first time, and the
-- first time after a change.
alter table connection_state add column learnt_settings_at timestamptz;

-- Counts up with each change of a provider's entries, so that every process knows when what it keeps is stale.
create table knowledge_versions (
    provider text   primary key,
    version  bigint not null default 1
);
grant select on knowledge_versions to mooring_user;

create function count_knowledge_version() returns trigger
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    insert into knowledge_versions as stored (provider)
    select provider from changed group by provider order by provider
        on conflict (provider) do update set version = stored.version + 1;
    return null;
end
$$;
create trigger count_version_insert after insert on database_knowledge_base
    referencing new table as changed for each statement execute function count_knowledge_version();
create trigger count_version_update after update on database_knowledge_base
    referencing new table as changed for each statement execute function count_knowledge_version();
create trigger count_version_delete after delete on database_knowledge_base
    referencing old table as changed for each statement execute function count_knowledge_version();
