-- The providers' own pages as they were fetched, turned into Markdown. Public text: no row is anyone's.

create table provider_pages (
    provider      text        not null,
    url           text        not null,
    title         text        not null default '',
    markdown      text        not null default '',
    etag          text,
    last_modified text,
    -- When the words were fetched or confirmed to be the newest; null until the first time.
    fetched_at    timestamptz,
    -- Until then they are served without asking again.
    expires_at    timestamptz,
    constraint provider_pages_pkey primary key (provider, url),
    constraint provider_pages_provider_known
        check (provider in ('postgresql', 'mysql', 'mongodb', 'firebase', 'supabase'))
);
grant select on provider_pages to mooring_user;

-- Who fetches a provider's pages now, by the database's clock; and how the last round ended.
create table provider_fetches (
    provider      text        primary key,
    lease_owner   uuid,
    lease_until   timestamptz,
    last_tried_at timestamptz,
    -- Why nothing new came; null where it did.
    last_error    text,
    -- Not before then: a site that is down is not asked with every page view.
    retry_at      timestamptz,
    constraint provider_fetches_provider_known
        check (provider in ('postgresql', 'mysql', 'mongodb', 'firebase', 'supabase'))
);
grant select on provider_fetches to mooring_user;
