//! How programs use this Mooring: examples with the reader's own address and token, to copy and run.

pub mod api;
#[cfg(feature = "ssr")]
pub mod server;
pub mod ui;

/// Stands where a token belongs while there is none.
pub const TOKEN_PLACE: &str = "mrg_YOUR_TOKEN";

/// Something to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// What it is for.
    pub title: &'static str,
    /// What to know before.
    pub note: &'static str,
    /// The text.
    pub text: String,
}

impl Example {
    fn new(title: &'static str, note: &'static str, template: &str, address: &str, token: &str) -> Self {
        Self { title, note, text: template.replace("{address}", address).replace("{token}", token) }
    }
}

const SUPABASE_JS: &str = "\
import { createClient } from '@supabase/supabase-js'

const mooring = createClient('{address}', '{token}')

// Check all of your connections now.
const { data: sweep, error } = await mooring.functions.invoke('proactive-health-monitor', { body: {} })

// The last ten checks.
const { data: checks } = await mooring
  .from('database_connection_health')
  .select('credential_id, status, response_time_ms, check_timestamp')
  .order('check_timestamp', { ascending: false })
  .limit(10)

// Uptime of one connection over a day, in percent.
const { data: uptime } = await mooring.rpc('calculate_uptime_percentage', {
  p_credential_id: checks[0].credential_id,
  p_hours: 24,
})";

const CURL: &str = "\
# Check all of your connections now.
curl -fsS -X POST '{address}/functions/v1/proactive-health-monitor' \\
  -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' -d '{}'

# The last ten checks.
curl -fsS '{address}/rest/v1/database_connection_health?order=check_timestamp.desc&limit=10' \\
  -H 'Authorization: Bearer {token}'";

const CRONTAB: &str = "\
# Once: keep the token in a file that only you can read, so that no list of processes shows it.
#   install -m 600 /dev/null ~/.mooring-header
#   echo 'Authorization: Bearer {token}' > ~/.mooring-header

*/5 * * * * curl -fsS -X POST -H @$HOME/.mooring-header {address}/functions/v1/proactive-health-monitor > /dev/null";

const PG_CRON: &str = "\
-- With the extensions pg_cron and pg_net, as Supabase has them.
select cron.schedule('mooring', '*/5 * * * *', $$
  select net.http_post(
    url     := '{address}/functions/v1/proactive-health-monitor',
    headers := '{\"Authorization\": \"Bearer {token}\", \"Content-Type\": \"application/json\"}'::jsonb,
    body    := '{}'::jsonb
  )
$$);";

const GITHUB_ACTIONS: &str = "\
# .github/workflows/mooring.yml, with the token as the repository's secret MOORING_TOKEN.
on:
  schedule:
    - cron: '*/5 * * * *'
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - run: >
          curl -fsS -X POST '{address}/functions/v1/proactive-health-monitor'
          -H 'Authorization: Bearer ${{ secrets.MOORING_TOKEN }}'";

const PROMETHEUS: &str = "\
scrape_configs:
  - job_name: mooring
    scheme: {scheme}
    authorization:
      credentials: '{token}'
    static_configs:
      - targets: ['{host}']";

/// Every example, for a Mooring at `address` (`https://mooring.example.org`), with `token` in its places.
#[must_use]
pub fn examples(address: &str, token: &str) -> Vec<Example> {
    let example = |title, note, template| Example::new(title, note, template, address, token);
    let (scheme, host) = address.split_once("://").unwrap_or(("http", address));
    let prometheus = PROMETHEUS.replace("{scheme}", scheme).replace("{host}", host);
    vec![
        example(
            "supabase-js",
            "The client as it comes from npm: Mooring answers as Supabase would. In a browser everyone who opens the page can read the token, so there use one that may only read.",
            SUPABASE_JS,
        ),
        example("curl", "Any program that speaks HTTP.", CURL),
        example("crontab", "A token of the scope \u{201c}Run the scheduled checks only\u{201d} is enough.", CRONTAB),
        example(
            "pg_cron",
            "Whoever can read cron.job there can read the token: use one that may only run the scheduled checks.",
            PG_CRON,
        ),
        example("GitHub Actions", "Mooring has to be reachable from the internet for this.", GITHUB_ACTIONS),
        Example::new(
            "Prometheus",
            "With a token of an administrator, which may be one that only reads.",
            &prometheus,
            address,
            token,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_has_the_address_and_no_place_is_left() {
        for example in examples("https://mooring.example.org", "mrg_abc") {
            assert!(example.text.contains("mooring.example.org"), "{}", example.text);
            for left in ["{address}", "{token}", "{scheme}", "{host}"] {
                assert!(!example.text.contains(left), "{}", example.text);
            }
            assert_eq!(example.text.contains("mrg_abc"), example.title != "GitHub Actions", "{}", example.title);
        }
    }
}
