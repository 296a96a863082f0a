// What people do: money, keys, records that were refused, files.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { FORMULA, HARM, mend, quarantineOne } from "./cast.mjs";
import { looksRight } from "./pages.mjs";
import { until } from "./server.mjs";
import { axe, picture, settled, visit } from "./stage.mjs";

async function openUser(page, name) {
  await visit(page, "#/users");
  await page.getByLabel("Search by name").fill(name);
  await page.getByRole("link", { name, exact: true }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await settled(page);
}

async function moveCredits(page, button, amount, reason, confirm) {
  await page.getByRole("button", { name: button, exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Amount in credits").fill(amount);
  await dialog.getByLabel(/^Reason/).fill(reason);
  await dialog.getByRole("button", { name: "Continue" }).click();
  await dialog.getByText("Balance after").waitFor();
  await looksRight(page, `the confirmation of ${button}`);
  await dialog.getByRole("button", { name: confirm }).click();
  await dialog.waitFor({ state: "detached" });
}

const balanceOf = (page) => page.locator(".balance .big");

export function flowTests(t, { stage, browser, keys }) {
  return [
    t.test("a customer runs dry and is refilled in front of the viewer", async () => {
      const customer = await stage().signIn(browser(), "umbrella");
      await visit(customer, "#/account");
      await balanceOf(customer).getByText("0.02").waitFor();
      await until("the gateway to refuse", async () => (await stage().ask(keys().umbrella, "gpt-4o", { prompt: 900, completion: 300 })) === 402);
      await customer.getByText("Nothing is left").waitFor();
      await picture(customer, "customer-dry");
      await looksRight(customer, "the page of a customer who ran dry");
      const operator = await stage().signIn(browser(), "bill");
      await openUser(operator, "umbrella");
      await moveCredits(operator, "Grant credits", "5", "Invoice 2026-117", "Grant 5.00");
      // Nobody loads the page again: it is read again by itself.
      await customer.getByText(/Lasts for/).waitFor();
      await until("the gateway to admit again", async () => (await stage().ask(keys().umbrella, "gpt-4o")) === 200);
      await visit(customer, "#/ledger");
      await customer.getByText("Invoice 2026-117").waitFor();
      await picture(customer, "customer-refilled");
      await customer.context().close();
      await operator.context().close();
    }),
    t.test("a grant that is sent twice counts once, and what is removed is shown before it is", async () => {
      const page = await stage().signIn(browser(), "ada");
      await openUser(page, "globex");
      const sent = [];
      // The first answer is lost on the way; the person sends it again.
      await page.route("**/credits", async (route) => {
        sent.push(route.request().headers()["idempotency-key"]);
        if (sent.length > 1) return route.continue();
        await route.fetch();
        return route.abort();
      });
      await page.getByRole("button", { name: "Grant credits" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Amount in credits").fill("1.000000000001");
      await dialog.getByRole("button", { name: "Continue" }).click();
      await dialog.getByRole("button", { name: /^Grant/ }).click();
      await dialog.getByText("The server does not answer").waitFor();
      await dialog.getByRole("button", { name: /^Grant/ }).click();
      await dialog.waitFor({ state: "detached" });
      assert.equal(sent.length, 2);
      assert.equal(sent[0], sent[1]);
      assert.equal(stage().server.sql("select count(*) from credit_movements where amount = 1.000000000001"), "1");
      await moveCredits(page, "Remove", "0.5", "Set right", "Remove 0.50");
      await moveCredits(page, "Adjust", "0.25", FORMULA, "Adjust 0.25");
      await page.context().close();
    }),
    t.test("the file of a ledger is exact, and no cell of it is a formula", async () => {
      const page = await stage().signIn(browser(), "vera");
      await openUser(page, "globex");
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV" }).click()]);
      const text = readFileSync(await download.path(), "utf8");
      const rows = text.trim().split("\r\n");
      const count = Number(stage().server.sql("select count(*) from credits_transactions where user_id = (select id from users where name = 'globex')"));
      assert.equal(rows.length, count + 1);
      assert.ok(text.includes(`'${FORMULA.replaceAll('"', '""')}`), "the formula is text");
      assert.ok(text.includes("1.000000000001"));
      for (const cell of rows.slice(1).flatMap((row) => row.split(","))) assert.doesNotMatch(cell, /^"?[=+@\t]/);
      await page.context().close();
    }),
    t.test("every line of the ledger has the balance after it, and its receipt at a click", async () => {
      const page = await stage().signIn(browser(), "acme");
      await visit(page, "#/ledger");
      await page.getByLabel("Kind").selectOption("usage");
      await settled(page);
      await page.getByRole("button", { name: /^Receipt of/ }).first().click();
      const dialog = page.getByRole("dialog", { name: "Receipt" });
      await dialog.getByText("Total").waitFor();
      await dialog.getByText(/^Balance before/).waitFor();
      await picture(page, "receipt");
      await looksRight(page, "a receipt");
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
      const before = await page.locator("tbody tr").count();
      await page.getByRole("button", { name: "Show more" }).click();
      await page.waitForFunction((count) => document.querySelectorAll("tbody tr").length > count, before);
      await page.context().close();
    }),
    t.test("a batch is one line of the ledger, and opens to its requests", async () => {
      const { server } = stage();
      const key = (await server.cli("key", "create", "--user", "initech", "--purpose", "batch", "--name", "Batch")).secret;
      await stage().untilAdmitted(key, "gpt-4o");
      for (let count = 0; count < 60; count += 1) assert.equal(await stage().ask(key, "gpt-4o", { prompt: 100 + count }), 200);
      const entries = () => server.sql("select count(*) from credits_transactions where api_key_id = (select id from api_keys where name = 'Batch')");
      await until("all to be in the books", () => entries() === "60");
      const page = await stage().signIn(browser(), "ada");
      await openUser(page, "initech");
      await page.getByLabel("Kind").selectOption("usage");
      await settled(page);
      // At the turn of an hour there are two.
      const lines = page.getByText(/^\d+ requests of a batch$/);
      await lines.first().waitFor();
      const counts = (await lines.allTextContents()).map((text) => Number.parseInt(text, 10));
      assert.equal(counts.reduce((sum, count) => sum + count, 0), 60);
      await picture(page, "ledger-batch");
      await looksRight(page, "a ledger with a batch");
      await page.getByRole("button", { name: /^Open the batch/ }).first().click();
      await page.getByText(`${counts[0]} requests of a batch for gpt-4o`).waitFor();
      await settled(page);
      assert.equal(await page.getByRole("button", { name: /^Receipt of/ }).count(), Math.min(counts[0], 50));
      await looksRight(page, "an opened batch");
      await page.getByRole("button", { name: "Close the batch" }).click();
      await lines.first().waitFor();
      await page.getByLabel("A batch in one line").uncheck();
      await settled(page);
      assert.equal(await lines.count(), 0);
      await page.context().close();
    }),
    t.test("a cap is set with a confirmation, shown with what is used, in force at the gateway, and taken away", async () => {
      const page = await stage().signIn(browser(), "bill");
      await openUser(page, "globex");
      await page.getByText("Available").waitFor();
      await page.getByRole("radio", { name: "Limits" }).check();
      await page.getByRole("button", { name: "Change the limits of All keys together" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Requests a minute").fill("0");
      await dialog.getByText("A whole number from 1.").waitFor();
      await dialog.getByLabel("Requests a minute").fill("100000");
      await dialog.getByLabel("Credits a day").fill("0.000001");
      await dialog.getByRole("button", { name: "Continue" }).click();
      await dialog.getByText("no cap → 0.000001").waitFor();
      await looksRight(page, "the confirmation of limits");
      await dialog.getByRole("button", { name: "Change limits" }).click();
      await dialog.waitFor({ state: "detached" });
      await page.getByRole("meter", { name: "Credits a day of All keys together" }).waitFor();
      await picture(page, "user-capped");
      await looksRight(page, "a user at a cap");
      await until("the gateway to refuse", async () => (await stage().ask(keys().globex, "gpt-4o")) === 402);
      await page.getByRole("button", { name: "Change the limits of All keys together" }).click();
      await dialog.getByLabel("Credits a day").fill("");
      await dialog.getByRole("button", { name: "Continue" }).click();
      await dialog.getByRole("button", { name: "Change limits" }).click();
      await dialog.waitFor({ state: "detached" });
      await until("the gateway to admit again", async () => (await stage().ask(keys().globex, "gpt-4o")) === 200);
      await page.context().close();
    }),
    t.test("an endpoint is tested with one real request, and what is wrong is said", async () => {
      const { server } = stage();
      await server.cli("endpoint", "create", "nobody there", "http://127.0.0.1:9", "--auth-style", "none");
      const page = await stage().signIn(browser(), "ada");
      await visit(page, "#/endpoints");
      for (const [name, words] of [["openai", "It answers, and takes the credential."], ["nobody there", /^Nobody answers there/]]) {
        await page.getByRole("button", { name: `Test ${name}` }).click();
        const dialog = page.getByRole("dialog");
        await dialog.getByRole("button", { name: `Test ${name}` }).click();
        await dialog.getByText(words).waitFor();
        if (name === "openai") await dialog.getByText(/^3 models · status 200/).waitFor();
        await looksRight(page, `the test of ${name}`);
        await page.keyboard.press("Escape");
        await dialog.waitFor({ state: "detached" });
      }
      await server.cli("endpoint", "delete", "nobody there");
      await page.context().close();
    }),
    t.test("a customer makes a key that works, replaces it and revokes it, and sees each secret once", async () => {
      const page = await stage().signIn(browser(), "acme");
      await visit(page, "#/keys");
      await page.getByRole("button", { name: "New key" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Name").fill(HARM);
      await dialog.getByRole("button", { name: "Make key" }).click();
      const secret = (await dialog.getByLabel("The secret of the key").textContent()) ?? "";
      assert.match(secret, /^tg-/);
      await looksRight(page, "a new key");
      await dialog.getByRole("button", { name: "I have it" }).click();
      assert.equal(await page.getByText(secret).count(), 0);
      await stage().untilAdmitted(secret, "gpt-4o");
      assert.equal(await stage().ask(secret, "gpt-4o"), 200);
      await page.getByRole("button", { name: `Replace ${HARM}` }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Replace key" }).click();
      assert.notEqual(await page.getByRole("dialog").getByLabel("The secret of the key").textContent(), secret);
      await page.getByRole("button", { name: "I have it" }).click();
      await page.getByText(/^ends/).waitFor();
      await page.getByRole("button", { name: `Revoke ${HARM}` }).first().click();
      await page.getByRole("dialog").getByRole("button", { name: "Revoke key" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await until("the gateway to refuse it", async () => (await stage().ask(secret, "gpt-4o")) === 401);
      assert.equal(await page.evaluate(() => "harmed" in window), false);
      await page.context().close();
    }),
    t.test("a record that the books refused is seen, replayed once mended, and another is written off", async () => {
      await quarantineOne(stage(), keys().acme);
      const page = await stage().signIn(browser(), "ada");
      await visit(page, "#/quarantine");
      await page.getByRole("button", { name: /^Replay/ }).click();
      await page.getByRole("alert").waitFor();
      await picture(page, "quarantine-full");
      await looksRight(page, "a record that is refused again");
      mend(stage());
      await page.getByRole("button", { name: /^Replay/ }).click();
      await page.getByText("The record is in the books now.").waitFor();
      await quarantineOne(stage(), keys().acme);
      mend(stage());
      await page.getByRole("button", { name: /^Write off/ }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Write off" }).click();
      await page.getByText("The record is written off").waitFor();
      await page.getByLabel("With those written off").check();
      await page.getByText(/^written off/).waitFor();
      await page.context().close();
    }),
    t.test("a price is set for a model without one, and what waited is charged", async () => {
      const page = await stage().signIn(browser(), "bill");
      await visit(page, "#/unrated");
      await page.getByRole("link", { name: "gpt-5-preview" }).click();
      await page.getByRole("heading", { level: 1, name: "gpt-5-preview" }).waitFor();
      await page.getByRole("button", { name: "New price" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("In, per million").fill("1.25");
      await dialog.getByLabel("Out, per million").fill("10");
      await dialog.getByLabel("From (optional)").fill(new Date(Date.now() - 86_400_000).toISOString().slice(0, 16));
      await dialog.getByRole("button", { name: "Continue" }).click();
      // What waits for a price would have cost what it will: 3 of 900 tokens in and 120 out.
      const preview = dialog.getByRole("region", { name: "The last 30 days at these prices" });
      await preview.getByText("0.006975", { exact: true }).waitFor();
      await preview.getByText("3 of them wait for a price, and are counted in.").waitFor();
      await picture(page, "price-preview");
      await looksRight(page, "the confirmation of a price");
      await dialog.getByRole("button", { name: "Set price" }).click();
      // How many were charged it says only where the request itself was the one to do it: the gateway's own batcher may be faster.
      await page.getByText("The price is set.").waitFor();
      await visit(page, "#/unrated");
      await page.getByText("Nothing waits for a price").waitFor();
      assert.equal(stage().server.sql("select count(*) from http_analytics where model = 'gpt-5-preview' and state = 'charged'"), "3");
      assert.deepEqual(await axe(page), []);
      await page.context().close();
    }),
    t.test("an operator says what a model costs and sees the margin, and a customer is told nothing of either", async () => {
      const page = await stage().signIn(browser(), "bill");
      const asked = `/admin/api/v1/margin-series?bucket=day&group_by=model&since=${new Date(Date.now() - 29 * 86_400_000).toISOString()}`;
      const margins = () => page.evaluate(async (path) => (await fetch(path)).json(), asked);
      const before = await margins();
      assert.ok(before.total.uncosted_requests > 100, JSON.stringify(before.total));
      await visit(page, "#/overview?range=30d&by=model");
      const card = page.getByRole("region", { name: "Margin over time" });
      await card.getByText(/requests with .* tokens, charged .* credits, have no cost price/).waitFor();
      const row = (name) => card.getByRole("row", { name });
      await row(/gpt-4o-mini.*unknown.*unknown/).waitFor();
      await visit(page, "#/models");
      await page.getByRole("link", { name: "gpt-4o-mini" }).click();
      await page.getByText("No cost price yet").waitFor();
      await page.getByRole("button", { name: "Set cost price" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("In, per million", { exact: true }).fill("0.1");
      await dialog.getByLabel("Out, per million", { exact: true }).fill("0.4");
      const from = new Date(Date.now() - 400 * 86_400_000).toISOString().slice(0, 10);
      await dialog.getByLabel("From (optional)").fill(`${from}T12:30`);
      await dialog.getByText("A full hour of UTC.").waitFor();
      assert.equal(await dialog.getByRole("button", { name: "Set cost price" }).isDisabled(), true);
      await dialog.getByLabel("From (optional)").fill(`${from}T12:00`);
      await looksRight(page, "the form of a cost price");
      await dialog.getByRole("button", { name: "Set cost price" }).click();
      await page.getByText("The cost price is set.").waitFor();
      await page.getByRole("row", { name: /in force.*0\.10.*0\.40/ }).waitFor();
      await looksRight(page, "a model with a cost price");
      // Another operator is quicker: whoever has not seen that is told to look again, and both prices stay.
      await page.getByRole("button", { name: "Set cost price" }).click();
      await dialog.getByLabel("In, per million", { exact: true }).fill("7");
      await dialog.getByLabel("Out, per million", { exact: true }).fill("7");
      const earlier = new Date(Date.now() - 390 * 86_400_000).toISOString().slice(0, 10);
      await stage().server.cli("cost", "set", "gpt-4o-mini", "--input-price", "0.0000001", "--output-price", "0.0000004", "--valid-from", earlier);
      for (let time = 0; time < 2; time += 1) {
        await dialog.getByRole("button", { name: "Set cost price" }).click();
        await dialog.getByText("Somebody else changed these cost prices just now").waitFor();
      }
      await dialog.getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("row", { name: /past.*0\.10.*0\.40/ }).waitFor();
      assert.equal(await page.getByRole("row", { name: /7\.00/ }).count(), 0);
      await visit(page, "#/overview?range=30d&by=model");
      await row(/gpt-4o-mini/).waitFor();
      assert.equal(await row(/gpt-4o-mini.*unknown/).count(), 0);
      const after = await margins();
      // Left is only the model that nobody has said anything of.
      assert.ok(after.total.uncosted_requests < 10, JSON.stringify(after.total));
      assert.ok(Number(after.total.margin) > Number(before.total.margin) && Number(after.total.cost) > Number(before.total.cost), JSON.stringify([before.total, after.total]));
      await picture(page, "margin");
      await looksRight(page, "the margin");
      await page.context().close();

      const customer = await stage().signIn(browser(), "acme");
      for (const hash of ["#/account", "#/ledger", "#/keys", "#/overview"]) {
        await visit(customer, hash);
        assert.doesNotMatch((await customer.locator("body").textContent()) ?? "", /margin|cost price/i, hash);
      }
      assert.equal(await customer.evaluate(async (path) => (await fetch(path)).status, asked), 403);
      await customer.context().close();
    }),
  ];
}
