-- What was found out about a connection's secrets when they were set: how strong the password is, what a key
-- says of itself. Nothing is opened to judge a configuration again.

create table connection_secret_facts (
    credential_id         uuid        primary key references database_credentials on delete cascade,
    -- `SecretFacts`: codes, dates and names, from which no secret can be learnt.
    facts                 jsonb       not null,
    -- The password under a key from each known master key, bound to the owner: equal ones among one's own
    -- connections are found, and whoever has only this table learns nothing of them, not even by guessing.
    password_fingerprints bytea[]     not null default '{}',
    updated_at            timestamptz not null default mooring_now()
);
select trigger_updated_at('connection_secret_facts');

alter table connection_secret_facts enable row level security;
create policy connection_secret_facts_own on connection_secret_facts to mooring_user
    using (credential_id in (select id from database_credentials))
    with check (credential_id in (select id from database_credentials));
grant select, insert, update, delete on connection_secret_facts to mooring_user;
