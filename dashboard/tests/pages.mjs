// Every page, in both themes, wide and on a phone: nothing for axe to find, nothing that sticks out, nothing in the console.

import assert from "node:assert/strict";

import { axe, picture, settled, visit, WIDTHS } from "./stage.mjs";

async function idsOf(page) {
  return page.evaluate(async () => {
    const data = async (path) => (await (await fetch(`/admin/api/v1${path}`)).json()).data;
    const [users, models] = [await data("/users"), await data("/models")];
    return { user: users.find((user) => user.name === "acme").id, model: models.find((model) => model.alias === "gpt-4o").id };
  });
}

const OPERATOR = (ids) => [
  ["overview", "#/overview?range=7d"], ["overview-users", "#/overview?range=12m&by=user"], ["users", "#/users"], ["user", `#/users/${ids.user}`],
  ["user-usage", `#/users/${ids.user}?tab=usage`], ["user-keys", `#/users/${ids.user}?tab=keys`], ["user-limits", `#/users/${ids.user}?tab=limits`], ["models", "#/models"], ["model", `#/models/${ids.model}`],
  ["endpoints", "#/endpoints"], ["quarantine", "#/quarantine"], ["unrated", "#/unrated"], ["audit", "#/audit"], ["start", "#/start"], ["operator-you", "#/you"],
];
const CUSTOMER = [["customer", "#/account"], ["customer-ledger", "#/ledger"], ["customer-keys", "#/keys"], ["customer-you", "#/you"], ["nowhere", "#/overview"]];

export async function looksRight(page, name) {
  assert.deepEqual(await axe(page), [], `axe on ${name}`);
  const [content, room] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(content <= room, `${name} is ${content} px wide where there are ${room}`);
  assert.deepEqual(page.complaints, [], `the console on ${name}`);
}

async function tour(page, pages, themes) {
  for (const theme of themes) {
    await page.emulateMedia({ colorScheme: theme });
    for (const [size, viewport] of Object.entries(WIDTHS)) {
      await page.setViewportSize(viewport);
      for (const [name, hash] of pages) {
        await visit(page, hash);
        await picture(page, `${name}-${theme}-${size}`);
        await looksRight(page, `${name}, ${theme}, ${size}`);
      }
    }
  }
  await page.setViewportSize(WIDTHS.wide);
  await page.emulateMedia({ colorScheme: "light" });
}

export function pageTests(t, { stage, browser }) {
  return [
    t.test("every page of an operator, both themes, wide and phone", async () => {
      const page = await stage().signIn(browser(), "ada");
      await tour(page, OPERATOR(await idsOf(page)), ["light", "dark"]);
      await page.context().close();
    }),
    t.test("every page of a customer, both themes, wide and phone", async () => {
      const page = await stage().signIn(browser(), "acme");
      await tour(page, CUSTOMER, ["light", "dark"]);
      await page.context().close();
    }),
    t.test("a year of data is shown from the server's buckets, and no page reads all rows", async () => {
      const page = await stage().signIn(browser(), "ada");
      await visit(page, "#/overview?range=12m&by=model");
      const answer = await page.evaluate(async () => {
        const since = new Date(Date.now() - 364 * 86_400_000).toISOString();
        const began = performance.now();
        const text = await (await fetch(`/admin/api/v1/usage-series?since=${since}&bucket=day&group_by=key`)).text();
        return { ms: performance.now() - began, bytes: text.length, buckets: JSON.parse(text).starts.length };
      });
      console.log(`a year by key: ${answer.ms.toFixed(0)} ms, ${answer.bytes} bytes`);
      assert.equal(answer.buckets, 365);
      assert.ok(answer.bytes < 100_000, `${answer.bytes} bytes`);
      await page.context().close();
    }),
    t.test("the switch of colours stays, against what the system has", async () => {
      const page = await stage().signIn(browser(), "vera", { colorScheme: "light" });
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = await ground();
      await page.getByRole("radio", { name: "Dark" }).check();
      await page.waitForFunction((before) => getComputedStyle(document.body).backgroundColor !== before, light);
      await page.reload();
      await settled(page);
      assert.notEqual(await ground(), light);
      await page.context().close();
    }),
  ];
}
