// An unmodified supabase-js makes the calls of the product's own document, as they are written there; only the
// URL, the token and the ids are filled in.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createClient } from "@supabase/supabase-js";
import { start } from "./server.mjs";

let server;
let supabase;
let credentialId;
let userId;

before(async () => {
  server = await start();
  ({ credentialId, userId } = server);
  supabase = createClient(server.url, server.token);
  // What the document's calls find is there before they are made: an entry of the knowledge base that is shared.
  server.sql(`
    insert into database_knowledge_base (provider, category, title, description, solution, confidence_score, shared_at)
    select 'postgresql', 'error_resolution', 'Connection refused ' || n, 'Nothing listens there.', 'Start the server.', n, now()
      from generate_series(91, 97) as n`);
});

after(() => server?.stop());

/** The data of an answer that must be one. */
function ok({ data, error, status }) {
  assert.equal(error, null, `${status}: ${JSON.stringify(error)}`);
  return data;
}

describe("Health Check API", () => {
  test("manual health check", async () => {
    const { data, error } = await supabase.functions.invoke("proactive-health-monitor");
    assert.equal(error, null);
    assert.equal(data.success, true);
    assert.deepEqual(
      data.results.map((result) => [result.credentialId, result.status]),
      [[credentialId, "healthy"]],
    );
  });

  test("health history", async () => {
    const { data: health, error } = await supabase
      .from("database_connection_health")
      .select("*")
      .eq("credential_id", credentialId)
      .order("check_timestamp", { ascending: false })
      .limit(10);
    assert.equal(error, null);
    assert.ok(health.length > 0 && health.length <= 10);
    assert.equal(health[0].status, "healthy");
    assert.equal(typeof health[0].response_time_ms, "number");
    assert.ok(Math.abs(Date.parse(health[0].check_timestamp) - Date.now()) < 60_000);
  });
});

describe("Metrics API", () => {
  test("daily metrics", async () => {
    const { data: metrics, error } = await supabase
      .from("database_performance_metrics")
      .select("*")
      .eq("credential_id", credentialId)
      .order("metric_date", { ascending: false })
      .limit(7);
    assert.equal(error, null);
    assert.equal(metrics.length, 1);
    assert.equal(metrics[0].metric_date, new Date().toISOString().slice(0, 10));
    assert.ok(metrics[0].total_requests >= 1 && metrics[0].successful_requests >= 1);
  });

  test("uptime", async () => {
    const { data, error } = await supabase.rpc("calculate_uptime_percentage", {
      p_credential_id: credentialId,
      p_hours: 24,
    });
    assert.equal(error, null);
    assert.equal(data, 100);
    assert.equal(ok(await supabase.rpc("calculate_uptime_percentage", { p_credential_id: credentialId }, { get: true })), 100);
  });
});

describe("Knowledge Base API", () => {
  test("top solutions", async () => {
    const { data: knowledge, error } = await supabase
      .from("database_knowledge_base")
      .select("*")
      .eq("provider", "postgresql")
      .order("confidence_score", { ascending: false })
      .limit(5);
    assert.equal(error, null);
    assert.deepEqual(
      knowledge.map((entry) => entry.confidence_score),
      [97, 96, 95, 94, 93],
    );
    assert.ok(!("author_id" in knowledge[0]));
  });
});

// The calls of the section "Edge Functions", in the order of the document.
describe("Edge Functions", () => {
  const endpoint = () => (({ host, port, database }) => ({ host, port, database }))(server.settings);
  const invoke = async (name, options) => ok(await supabase.functions.invoke(name, options));

  test("analyze-database-error", async () => {
    const data = await invoke("analyze-database-error", {
      body: { errorMessage: "Connection refused", provider: "postgresql", credentials: endpoint(), credentialId },
    });
    assert.equal(data.analysis.cause, "connection_refused");
    assert.ok(data.errorId && data.analysis.evidence.length > 0 && data.suggestedFixes.length > 0);
    assert.ok(data.suggestedFixes.every((fix) => fix.verification.status === "untested"));
  });

  test("validate-database-config", async () => {
    const data = await invoke("validate-database-config", {
      body: { provider: "mysql", credentials: { host: "db.example.com", port: 3306, ssl: false, database: "shop" } },
    });
    assert.ok(data.securityScore < 90 && "ABCDF".includes(data.grade) && data.issues.length > 0);
  });

  test("fetch-provider-docs", async () => {
    const data = await invoke("fetch-provider-docs", { body: { provider: "postgresql" } });
    assert.equal(data.provider, "postgresql");
    assert.ok(data.documentation.sections.length > 0 && data.commonIssues.length > 0);
  });

  test("proactive-health-monitor", async () => {
    const data = await invoke("proactive-health-monitor");
    assert.ok(data.success && data.results.some((result) => result.credentialId === credentialId));
  });

  test("learn-connection-knowledge", async () => {
    const learn = (action, data) => invoke("learn-connection-knowledge", { body: { action, data } });
    const provider = "postgresql";
    const success = await learn("learn_from_success", {
      provider,
      credentials: server.settings,
      connectionName: "orders",
    });
    assert.ok(success.success);
    const error = await learn("learn_from_error", {
      provider,
      errorMessage: "connection refused",
      fixApplied: "Opened the port in the firewall",
      fixWorked: true,
    });
    assert.ok(error.success && error.knowledgeId && error.confidenceScore >= 80);
    const found = await learn("search_knowledge", { provider, category: "error_resolution", query: "refused" });
    assert.ok(found.results.length > 0);
  });

  test("intelligent-retry-connection", async () => {
    const data = await invoke("intelligent-retry-connection", {
      body: { credentialId, provider: "postgresql", credentials: endpoint(), userId },
    });
    assert.ok(data.success && data.totalAttempts === 1 && data.stoppedBecause === "connected", JSON.stringify(data));
  });
});

describe("the tables", () => {
  test("each is read", async () => {
    for (const table of [
      "database_credentials",
      "database_connection_errors",
      "database_connection_health",
      "database_connection_retries",
      "database_knowledge_base",
      "database_performance_metrics",
      "database_alert_config",
      "database_audit_log",
    ]) {
      const { data, error, count } = await supabase.from(table).select("*", { count: "exact" }).limit(2);
      assert.equal(error, null, table);
      assert.ok(Array.isArray(data) && data.length <= 2 && count >= data.length, table);
      const head = await supabase.from(table).select("*", { count: "exact", head: true });
      assert.deepEqual([head.error, head.data, head.count], [null, null, count], table);
    }
  });

  test("filters, ranges and single rows", async () => {
    const names = ok(
      await supabase
        .from("database_knowledge_base")
        .select("title, score:confidence_score")
        .in("title", ["Connection refused 91", "Connection refused 92", 'no, (such) one'])
        .order("confidence_score"),
    );
    assert.deepEqual(names, [
      { title: "Connection refused 91", score: 91 },
      { title: "Connection refused 92", score: 92 },
    ]);
    const page = await supabase
      .from("database_knowledge_base")
      .select("confidence_score", { count: "exact" })
      .ilike("title", "connection refused 9%")
      .not("cause", "eq", "x")
      .or("confidence_score.gt.95,confidence_score.lt.92")
      .order("confidence_score")
      .range(0, 1);
    assert.deepEqual([ok(page), page.count], [[{ confidence_score: 91 }, { confidence_score: 96 }], 3]);
    const either = await supabase
      .from("database_knowledge_base")
      .select("confidence_score", { count: "exact" })
      .ilike("title", "connection refused 9%")
      .not("cause", "is", null)
      .or("confidence_score.gt.95,confidence_score.lt.92")
      .order("confidence_score")
      .range(1, 2);
    assert.deepEqual([ok(either), either.count], [[{ confidence_score: 96 }, { confidence_score: 97 }], 3]);
    const one = await supabase.from("database_credentials").select("connection_name").eq("id", credentialId).single();
    assert.deepEqual(ok(one), { connection_name: "orders" });
    const nothing = crypto.randomUUID();
    assert.equal(ok(await supabase.from("database_credentials").select("*").eq("id", nothing).maybeSingle()), null);
    const { error, status } = await supabase.from("database_credentials").select("*").eq("id", nothing).single();
    assert.deepEqual([status, error.code], [406, "PGRST116"]);
  });

  test("credentials are written and never read", async () => {
    const connection = {
      user_id: userId,
      provider: "postgresql",
      connection_name: "reports",
      credentials: { ...server.settings, password: "hunter2" },
      is_active: true,
    };
    const made = ok(await supabase.from("database_credentials").insert(connection).select().single());
    assert.equal(made.connection_name, "reports");
    assert.ok(!("credentials" in made) && !JSON.stringify(made).includes("hunter2"));
    const refused = await supabase.from("database_credentials").select("credentials");
    assert.deepEqual([refused.status, refused.error.code], [403, "42501"]);

    ok(await supabase.from("database_credentials").update({ is_active: false }).eq("id", made.id));
    const [paused] = ok(await supabase.from("database_credentials").select("is_active").eq("id", made.id));
    assert.equal(paused.is_active, false);
    const taken = await supabase.from("database_credentials").insert(connection);
    assert.deepEqual([taken.status, taken.error.code], [409, "23505"]);
    ok(await supabase.from("database_credentials").delete().eq("id", made.id));
    assert.equal(ok(await supabase.from("database_credentials").select("*").eq("id", made.id).maybeSingle()), null);
  });

  test("alert rules are written, read and written back", async () => {
    const rules = ok(
      await supabase
        .from("database_alert_config")
        .insert([
          { user_id: userId, credential_id: credentialId, alert_type: "downtime", enabled: true },
          {
            user_id: userId,
            alert_type: "slow_response",
            threshold: { thresholdMs: 3000 },
            notification_channels: { email: ["ops@example.org"], webhook: [{ url: "https://hooks.example.org/T1/key" }] },
          },
        ], { defaultToNull: false })
        .select(),
    );
    assert.deepEqual(
      rules.map((rule) => [rule.alert_type, rule.credential_id, rule.enabled]),
      [["downtime", credentialId, true], ["slow_response", null, true]],
    );
    assert.match(rules[1].notification_channels.webhook[0].secret, /^whsec_/);

    const stored = ok(await supabase.from("database_alert_config").select("*").eq("id", rules[1].id).single());
    assert.deepEqual(stored.notification_channels.webhook, [{ url: "https://hooks.example.org", secret: "set" }]);
    const changed = ok(
      await supabase.from("database_alert_config").update({ ...stored, enabled: false }).eq("id", stored.id).select().single(),
    );
    assert.deepEqual({ ...changed, updated_at: null }, { ...stored, enabled: false, updated_at: null });

    const upsert = await supabase.from("database_alert_config").upsert(stored);
    assert.deepEqual([upsert.status, upsert.error.message], [400, "Upserts are not served."]);
    const all = await supabase.from("database_alert_config").delete().neq("alert_type", "none").select("id");
    assert.equal(ok(all).length, 2);
  });

  test("what cannot be written says so", async () => {
    const health = await supabase.from("database_connection_health").insert({ credential_id: credentialId, status: "down" });
    assert.equal(health.status, 405);
    const wrong = await supabase.from("database_alert_config").insert({ alert_type: "downtime", nothing: 1 });
    assert.deepEqual([wrong.status, wrong.error.code], [400, "PGRST204"]);
    const foreign = await supabase.from("database_alert_config").insert({ alert_type: "downtime", user_id: crypto.randomUUID() });
    assert.deepEqual([foreign.status, foreign.error.code], [403, "42501"]);
    const stranger = createClient(server.url, "mrg_nobody");
    assert.equal((await stranger.from("database_alert_config").select("*")).status, 401);
  });
});
