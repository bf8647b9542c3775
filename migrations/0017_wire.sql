-- What repeated votes and rules that came by SQL need.

-- What a person last said of an entry on its page: saying it again changes nothing, and a change of mind replaces it.
-- Null where it was not said there: programs report every use, and each counts.
alter table knowledge_reports add column vote boolean;

-- What may be shown of a rule's channels. Where they were sealed, the column holds that and nothing else; what came by
-- SQL may hold secrets anywhere but here, and is sealed within a minute.
create function shown_channels(channels jsonb, is_sealed boolean) returns jsonb
    language sql immutable parallel safe
    as $$
        select case
            when is_sealed then channels
            when jsonb_typeof(channels) <> 'object' then '{}'
            else (select coalesce(jsonb_object_agg(key, value), '{}')
                    from jsonb_each(channels)
                   where key in ('email', 'in_app'))
        end
    $$;
