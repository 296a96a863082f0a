// The dashboard in a real browser, on a real server with real requests. `cargo ui-test` runs this.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { isUpToDate } from "../scripts/api.mjs";
import { fill } from "./cast.mjs";
import { companyTests } from "./company.mjs";
import { doorTests } from "./doors.mjs";
import { flowTests } from "./flows.mjs";
import { pageTests } from "./pages.mjs";
import { Stage, startBrowser } from "./stage.mjs";

let stage;
let browser;
let keys;

before(async () => {
  browser = await startBrowser();
  stage = await Stage.open();
  keys = await fill(stage);
});

after(async () => {
  await browser?.close();
  await stage?.close();
});

const parts = { stage: () => stage, browser: () => browser, keys: () => keys };

test("the types of the API are those of this server's document", async () => {
  assert.equal(await isUpToDate(stage.server.admin), true, "run `npm run api`");
});

// One after the other: they look at the same server. `TOLLGATE_UI_ONLY=flows` runs some of them.
const only = process.env.TOLLGATE_UI_ONLY;
const all = Object.entries({ pages: pageTests, flows: flowTests, doors: doorTests, company: companyTests });
for (const [name, tests] of all.filter(([name]) => only === undefined || name === only)) {
  test(name, { concurrency: 1 }, async (t) => { await Promise.all(tests(t, parts)); });
}
