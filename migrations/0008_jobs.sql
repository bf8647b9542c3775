-- The last run of each periodic job, for the status page.

create table job_runs (
    name             text        primary key,
    last_started_at  timestamptz not null,
    -- Null while it runs, or where the process died at it.
    last_finished_at timestamptz,
    outcome          text,
    -- What it did, or why it failed; never a secret.
    message          text,
    constraint job_runs_outcome_known check (outcome in ('ok', 'failed'))
);
alter table job_runs enable row level security;
create policy job_runs_admin on job_runs for select to mooring_user
    using (exists (select from users where id = (select mooring_user_id()) and role = 'admin'));
grant select on job_runs to mooring_user;
