-- What is learnt. The rules of learning come with the knowledge base; the table is the seed's.

create table database_knowledge_base (
    id               uuid        primary key default gen_random_uuid(),
    provider         text        not null,
    category         text        not null,
    title            text        not null,
    description      text        not null,
    solution         text        not null,
    success_rate     numeric     not null default 0,
    confidence_score numeric     not null default 40,
    usage_count      integer     not null default 0,
    code_examples    jsonb       not null default '[]',
    tags             text[]      not null default '{}',
    cause            text,
    -- Whose words these are; null for what the product itself derived.
    author_id        uuid        references users on delete set null,
    -- Until then only its author sees it.
    shared_at        timestamptz,
    created_at       timestamptz not null default mooring_now(),
    updated_at       timestamptz not null default mooring_now(),
    constraint database_knowledge_base_category_known
        check (category in ('error_resolution', 'security', 'optimization', 'configuration')),
    constraint database_knowledge_base_confidence_range check (confidence_score between 0 and 100)
);
create index idx_knowledge_provider_category on database_knowledge_base(provider, category);
select trigger_updated_at('database_knowledge_base');
alter table database_knowledge_base enable row level security;
create policy database_knowledge_base_visible on database_knowledge_base for select to mooring_user
    using (shared_at is not null or author_id = (select mooring_user_id()));
grant select on database_knowledge_base to mooring_user;
