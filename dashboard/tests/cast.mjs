// Who is there: three customers with traffic, one who runs low, one with a name that means harm, and those who look after it all.

import { until } from "./server.mjs";

export const HARM = `<img src=x onerror="window.harmed=1">`;
export const FORMULA = `=HYPERLINK("http://evil.test","click")`;

/** The part of a year that is behind us, as hourly sums, which no client could make in a test's time. They are written beside the books, so
 * the audit of these tests' server would find them; no test asks it. */
function year(server) {
  server.sql(`
    insert into usage_rollups (hour, user_no, key_no, model_no, requests, failed_requests, prompt_tokens, completion_tokens, amount_pico)
    select h, u.no, k.no, m.no, n, n / 90, n * 900, n * 140,
           (n * (900::numeric * case m.alias when 'gpt-4o' then 2500000 when 'claude-sonnet' then 3000000 else 150000 end
               + 140::numeric * case m.alias when 'gpt-4o' then 10000000 when 'claude-sonnet' then 15000000 else 600000 end))::numeric
    from generate_series(date_trunc('hour', now()) - interval '365 days', date_trunc('hour', now()) - interval '1 hour', interval '1 hour') h
    cross join (select u.no, u.id, u.name from users u where u.name in ('acme', 'globex', 'initech')) u
    join lateral (select no, name from api_keys where user_id = u.id and purpose = 'realtime' order by no limit 2) k on true
    cross join (select no, alias from deployed_models where alias in ('gpt-4o', 'claude-sonnet', 'gpt-4o-mini')) m
    cross join lateral (select greatest(0, (
        (case u.name when 'acme' then 70 when 'globex' then 38 else 15 end)
        * (case m.alias when 'gpt-4o' then 1.0 when 'claude-sonnet' then 0.6 else 2.4 end)
        * (case when k.name like 'Nightly%' then case when extract(hour from h) < 5 then 1.6 else 0 end else 1 end)
        * (0.35 + 0.9 * greatest(0, sin((extract(hour from h) - 6) * pi() / 13)))
        * (case when extract(isodow from h) > 5 then 0.35 else 1 end)
        * (0.55 + 0.9 * (1 - extract(epoch from now() - h) / 31536000))
        * (0.8 + 0.4 * (abs(hashtext(h::text || k.no || m.no)) % 1000) / 1000.0)))::bigint as n) n
    where n > 0
    on conflict do nothing`);
  // The server has closed these hours while they were empty, and reports read what it summed then.
  server.sql("select reopen_usage_hours()");
}

/** The day so many days from now. */
const at = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

/** Fills a stage, with real requests; answers the keys. */
export async function fill(stage) {
  const { server } = stage;
  await server.cli("endpoint", "create", "openai", stage.upstream.url, "--provider", "openai", "--auth-style", "none");
  await server.cli("endpoint", "create", "anthropic", stage.upstream.url, "--provider", "anthropic", "--auth-style", "none");
  await server.cli("model", "create", "gpt-4o", "--endpoint", "openai");
  await server.cli("tariff", "set", "gpt-4o", "--input-price", "0.000005", "--output-price", "0.000015", "--valid-from", at(-150));
  await server.cli("tariff", "set", "gpt-4o", "--input-price", "0.0000025", "--output-price", "0.00001", "--valid-from", at(-60));
  await stage.model("gpt-4o-mini", "0.00000015", "0.0000006");
  await stage.model("claude-sonnet", "0.000003", "0.000015", "anthropic");
  // What upstreams ask, of two of them: once for all time, once from an hour in the middle of a day on.
  await server.cli("cost", "set", "gpt-4o", "--input-price", "0.000002", "--output-price", "0.000008", "--valid-from", at(-400));
  await server.cli("cost", "set", "gpt-4o", "--input-price", "0.0000016", "--output-price", "0.000007", "--cache-read-price", "0.0000008", "--valid-from", `${at(-20)}T15:00:00Z`);
  await server.cli("cost", "set", "claude-sonnet", "--input-price", "0.0000025", "--output-price", "0.0000125", "--valid-from", at(-400));
  // Offered, and nobody has said what it costs.
  await stage.model("gpt-5-preview", null, null);
  await stage.person("ada", "manager");
  await stage.person("bill", "billing_manager");
  await stage.person("vera", "viewer");
  await stage.person("acme", null, "250");
  const keys = { acme: await stage.key("acme", "Production"), acmeNightly: await stage.key("acme", "Nightly jobs") };
  for (const [name, credits] of [["globex", "80"], ["initech", "12.5"]]) {
    await server.cli("user", "create", name, "--credits", credits);
    keys[name] = await stage.key(name, "Production");
  }
  await stage.person("umbrella", null, "0.02");
  keys.umbrella = await stage.key("umbrella", "Laptop");
  // A price that was another once, and one that is to come, so that there is a history.
  await server.cli("tariff", "set", "gpt-4o", "--input-price", "0.000002", "--output-price", "0.000008", "--valid-from", at(40));
  await server.cli("tariff", "set", "gpt-4o", "--purpose", "batch", "--window", "24h", "--input-price", "0.00000125", "--output-price", "0.000005");
  await stage.untilAdmitted(keys.umbrella, "gpt-4o", "gpt-5-preview");
  for (const key of [keys.acme, keys.acmeNightly, keys.globex, keys.initech]) await stage.untilAdmitted(key, "gpt-4o");
  year(server);
  await traffic(stage, keys, 60);
  for (let count = 0; count < 3; count += 1) await stage.ask(keys.acme, "gpt-5-preview");
  return keys;
}

/** So many requests of each of the three. */
export async function traffic(stage, keys, count) {
  const models = ["gpt-4o", "claude-sonnet", "gpt-4o-mini"];
  const whose = [keys.acme, keys.globex, keys.initech, keys.acmeNightly];
  await Promise.all(whose.map(async (key, offset) => {
    for (let number = 0; number < count; number += 1) {
      await stage.ask(key, models[(number + offset) % 3], { prompt: 300 + ((number * 397) % 2400), completion: 40 + ((number * 131) % 700), stream: number % 2 === 0 });
    }
  }));
}

/** A record that the books refuse, for a reason that can be mended: they are told to take no request of so many tokens. */
export async function quarantineOne(stage, key) {
  stage.server.sql("alter table usage_records add constraint test_refuses check (prompt_tokens <> 4242) not valid");
  await stage.ask(key, "gpt-4o", { prompt: 4242 });
  await until("the record to be refused", () => Number(stage.server.sql("select count(*) from quarantine where written_off_at is null")) > 0);
}

export function mend(stage) {
  stage.server.sql("alter table usage_records drop constraint test_refuses");
}
