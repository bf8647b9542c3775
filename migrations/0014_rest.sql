-- What is secret of a rule's channels. `notification_channels` shows the rest: urls as their origins, secrets as "set".

alter table database_alert_config
    -- The whole channels in a sealed envelope, `{"$sealed": 1, …}`; null where nothing in them is secret.
    add column sealed_channels jsonb;

-- Processes remember tokens for a moment. What ends one, or changes what it may do, is told to all of them.
create function announce_token_change() returns trigger
    language plpgsql
    as $$
begin
    perform pg_notify('mooring_live', 'tokens:' || (to_jsonb(old) ->> tg_argv[0]));
    return null;
end
$$;
create trigger announce_token_change after delete or update of user_id, scope, revoked_at on api_tokens
    for each row execute function announce_token_change('user_id');
create trigger announce_token_change after delete or update of role on users
    for each row execute function announce_token_change('id');
