-- What is secret of a rule's channels. `notification_channels` shows the rest: urls as their origins, secrets as "set".

alter table database_alert_config
    -- The whole channels in a sealed envelope, `{"$sealed": 1, …}`; null where nothing in them is secret.
    add column sealed_channels jsonb;
