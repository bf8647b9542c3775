-- Is it us? And: between pausing and resuming nothing is known.

-- What the processes of one machine (its name, as in `workers`) know together about its network: the hosts of which
-- nothing came back since anything last did. Of nobody: our own network is judged by it, and no target.
create table silent_hosts (
    machine   text        not null,
    host      text        not null,
    silent_at timestamptz not null default mooring_now(),
    primary key (machine, host)
);

-- When a control target last answered there. Targets that never did say nothing by being silent.
create table control_answers (
    machine     text        not null,
    -- As they are set: other ones begin anew.
    targets     text        not null,
    answered_at timestamptz not null default mooring_now(),
    primary key (machine, targets)
);

-- Whether there is an outage to be ended is asked with every batch of results.
create index notices_network_outage on notices (user_id) where kind = 'network_outage' and ended_at is null;
