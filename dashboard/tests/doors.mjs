// Who comes in, what they may do, and what a name that means harm can do: nothing.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { HARM } from "./cast.mjs";
import { looksRight } from "./pages.mjs";
import { until } from "./server.mjs";
import { axe, ELSEWHERE, picture, settled, visit, watched, WIDTHS } from "./stage.mjs";

const run = promisify(execFile);
const PASSWORD = "correct horse battery";

export function doorTests(t, { stage, browser }) {
  return [
    t.test("a person comes in by a link, chooses a password, and signs in with it", async () => {
      await stage().person("grace", null, "1");
      const page = await stage().signIn(browser(), "grace");
      await page.getByRole("heading", { name: "Choose a password" }).waitFor();
      assert.doesNotMatch(page.url(), /code=/, "the code does not stay in the address");
      await page.getByLabel("New password").fill("short");
      await page.getByText("7 more characters are needed.").waitFor();
      await page.getByLabel("New password").fill(PASSWORD);
      await page.getByRole("button", { name: "Set password" }).click();
      await page.getByText("The new password is set.").waitFor();
      await page.getByRole("button", { name: "Sign out", exact: true }).click();
      await page.getByRole("heading", { name: "Sign in to Tollgate" }).waitFor();
      await picture(page, "sign-in");
      await looksRight(page, "the sign-in page");
      await page.getByLabel("Name").fill("grace");
      await page.getByLabel("Password").fill("not the password");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("alert").waitFor();
      await looksRight(page, "a refused sign-in");
      await page.getByLabel("Password").fill(PASSWORD);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { level: 1, name: "Balance" }).waitFor();
      await visit(page, "#/you");
      await page.getByLabel("Current password").fill("not the password");
      await page.getByLabel("New password").fill(`${PASSWORD} staple`);
      await page.getByRole("button", { name: "Set password" }).click();
      await page.getByRole("alert").waitFor();
      await page.getByRole("heading", { name: "Change your password" }).waitFor();
      await page.getByRole("button", { name: "Sign out everywhere" }).click();
      await page.getByRole("heading", { name: "Sign in to Tollgate" }).waitFor();
      await page.context().close();
    }),
    t.test("a viewer sees and changes nothing, and a billing manager moves money alone", async () => {
      const viewer = await stage().signIn(browser(), "vera");
      for (const hash of ["#/users", "#/models", "#/endpoints", "#/quarantine"]) {
        await visit(viewer, hash);
        assert.equal(await viewer.getByRole("button", { name: /^(New|Change|Delete|Replay|Write off|Grant)/ }).count(), 0, hash);
      }
      await visit(viewer, "#/start");
      await viewer.getByText("There is no such page").waitFor();
      await viewer.context().close();
      const billing = await stage().signIn(browser(), "bill");
      assert.equal(await billing.getByRole("link", { name: "Audit log" }).count(), 0);
      await billing.context().close();
    }),
    t.test("who came in by a demoted manager's link is named, and again when the manager is deactivated", async () => {
      await stage().person("mallory", "manager");
      await stage().person("victor", "viewer");
      const mallory = await stage().signIn(browser(), "mallory");
      const users = await mallory.evaluate(async () => (await (await fetch("/admin/api/v1/users")).json()).data);
      const id = (name) => users.find((user) => user.name === name).id;
      await visit(mallory, `#/users/${id("victor")}`);
      await mallory.getByRole("button", { name: "Make a sign-in link" }).click();
      const link = await mallory.getByLabel("The sign-in link").innerText();
      const victor = await stage().comeIn(browser(), link);
      const page = await stage().signIn(browser(), "ada");
      await visit(page, `#/users/${id("mallory")}`);
      const named = page.getByRole("listitem").filter({ hasText: "Somebody is signed in as victor by such a link." });
      assert.equal(await named.count(), 0);
      await page.getByLabel("Role when signed in").selectOption("");
      await page.getByRole("button", { name: "Set role" }).click();
      await named.waitFor();
      await looksRight(page, "what a demoted manager made");
      await page.getByRole("button", { name: "Deactivate user" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Deactivate" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.getByText("deactivated", { exact: true }).first().waitFor();
      await named.waitFor();
      await picture(page, "made-by-a-deactivated-manager");
      await looksRight(page, "what a deactivated manager made");
      for (const each of [mallory, victor, page]) await each.context().close();
    }),
    t.test("with the keyboard alone one gets to the page, through a chart and out of a dialog", async () => {
      const page = await stage().signIn(browser(), "ada");
      await visit(page, "#/overview?range=7d");
      await page.keyboard.press("Tab");
      await page.evaluate(() => /** @type {HTMLElement} */ (document.querySelector(".skip")).focus());
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
      await page.getByRole("group", { name: /Arrow keys walk/ }).first().focus();
      await page.keyboard.press("End");
      await page.getByText("in all").first().waitFor();
      await page.getByRole("radio", { name: "Table" }).first().check();
      await page.getByRole("columnheader", { name: "Hour (UTC)" }).first().waitFor();
      await looksRight(page, "a chart as a table");
      await visit(page, "#/users");
      const opener = page.getByRole("button", { name: "New user" });
      await opener.focus();
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").waitFor();
      await looksRight(page, "a dialog");
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.equal(await opener.evaluate((button) => button === document.activeElement), true, "the focus is back");
      await page.context().close();
    }),
    t.test("a name that is a script is text on every page", async () => {
      const { server } = stage();
      await server.cli("user", "create", HARM, "--credits", "1");
      await server.cli("endpoint", "create", HARM, stage().upstream.url, "--auth-style", "none", "--provider", HARM);
      await server.cli("model", "create", HARM, "--endpoint", HARM, "--upstream-model", HARM);
      await server.cli("tariff", "set", HARM, "--input-price", "0.000001", "--output-price", "0.000001");
      const key = await stage().key(HARM, HARM);
      await stage().untilAdmitted(key, HARM);
      assert.equal(await stage().ask(key, HARM), 200);
      assert.equal(await stage().ask(key, `${HARM}2`), 404);
      const page = await stage().signIn(browser(), "ada");
      const ids = await page.evaluate(async (name) => {
        const data = async (path) => (await (await fetch(`/admin/api/v1${path}`)).json()).data;
        return { user: (await data("/users")).find((user) => user.name === name).id, model: (await data("/models")).find((model) => model.alias === name).id };
      }, HARM);
      for (const hash of ["#/overview?by=model", "#/overview?by=user", "#/overview?by=key", "#/users", `#/users/${ids.user}`, `#/users/${ids.user}?tab=usage`, `#/users/${ids.user}?tab=keys`, "#/models", `#/models/${ids.model}`, "#/endpoints", "#/audit"]) {
        await visit(page, hash);
        // In the page, or in a field to choose from.
        assert.ok((await page.locator("main").innerHTML()).includes("&lt;img"), `the name is on ${hash}`);
        assert.equal(await page.evaluate(() => "harmed" in window || document.querySelector("img[src=x]") !== null), false, hash);
        await page.setViewportSize(WIDTHS.phone);
        await looksRight(page, `${hash} with a harmful name`);
        await page.setViewportSize(WIDTHS.wide);
      }
      await page.context().close();
    }),
    t.test("the page's policy allows nothing inline and nothing from elsewhere", async () => {
      const response = await fetch(stage().url);
      const policy = response.headers.get("content-security-policy") ?? "";
      assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/);
      assert.doesNotMatch(policy, /unsafe|https?:/);
      assert.doesNotMatch(await response.text(), /<script>|<style|https?:\/\//);
    }),
    t.test("Swagger UI shows the whole document under its policy, and asks nobody but this server", async () => {
      const context = await browser().newContext({ viewport: WIDTHS.wide, locale: "en-GB" });
      context.setDefaultTimeout(30_000);
      const page = watched(await context.newPage());
      const asked = [];
      page.on("request", (request) => asked.push(request.url()));
      // By a name, as people reach it: of what is on this machine alone it would not ask others.
      const url = stage().url.replace("127.0.0.1", ELSEWHERE);
      await page.goto(`${url}/admin/api/v1/docs`);
      await page.locator("#operations-credits-post_users_user_id_credits").waitFor();
      const document = await (await fetch(`${stage().url}/admin/api/v1/openapi.json`)).json();
      const operations = Object.values(document.paths).flatMap((item) => Object.keys(item)).length;
      assert.equal(await page.locator(".opblock").count(), operations);
      await page.getByRole("button", { name: /users.*user_id.*credits/ }).first().click();
      await page.getByText("Idempotency-Key").first().waitFor();
      await picture(page, "swagger");
      assert.deepEqual(asked.filter((at) => !at.startsWith(`${url}/`) && !at.startsWith("data:")), []);
      // Of what is not encrypted the browser says so where it is by a name.
      assert.deepEqual(page.complaints.filter((said) => !/Cross-Origin-Opener-Policy/.test(said)), []);
      await context.close();
    }),
    t.test("what cannot be read is said on every page, and is there once it can", async () => {
      const page = await stage().signIn(browser(), "ada");
      const bad = (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ type: "about:blank", title: "The database does not answer", status: 503, detail: "the database could not be asked; try again", code: "unavailable" }) });
      for (const theme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme: theme });
        for (const hash of ["#/overview?range=7d", "#/users", "#/models", "#/endpoints", "#/quarantine", "#/unrated", "#/audit"]) {
          await page.route("**/admin/api/v1/**", bad);
          await visit(page, "#/nowhere");
          await visit(page, hash);
          await page.getByRole("alert").getByText("the database could not be asked").first().waitFor();
          await picture(page, `failing-${hash.slice(2).split("?")[0]}-${theme}`);
          await looksRight(page, `${hash} without a database, ${theme}`);
          await page.unroute("**/admin/api/v1/**", bad);
          const again = page.getByRole("alert").getByRole("button", { name: "Try again" });
          await until(`${hash} to be itself again`, async () => {
            if (await again.count() === 0) return true;
            // It may be gone by itself: some pages are read again now and then.
            await again.first().click({ timeout: 2_000 }).catch(() => undefined);
            return false;
          });
        }
      }
      let release = () => {};
      const held = new Promise((done) => { release = () => { done(undefined); }; });
      const hold = async (route) => { await held; await route.continue(); };
      await page.route("**/admin/api/v1/users?**", hold);
      await page.route("**/admin/api/v1/users", hold);
      await visit(page, "#/nowhere");
      await page.evaluate(() => { window.location.hash = "#/users"; });
      await page.getByRole("status", { name: "Loading" }).first().waitFor();
      await picture(page, "loading");
      await looksRight(page, "a page that is being read");
      release();
      await settled(page);
      await page.getByRole("link", { name: "acme", exact: true }).waitFor();
      await page.context().close();
    }),
    t.test("from an empty server to the first charge, by the page alone", async () => {
      const { Stage } = await import("./stage.mjs");
      const fresh = await Stage.open();
      try {
        await fresh.person("ada", "manager");
        const page = await fresh.signIn(browser(), "ada");
        for (const [name, hash] of [["overview", "#/overview"], ["models", "#/models"], ["endpoints", "#/endpoints"], ["quarantine", "#/quarantine"], ["unrated", "#/unrated"], ["account", "#/account"]]) {
          await visit(page, hash);
          await picture(page, `empty-${name}`);
          await looksRight(page, `${name} of an empty server`);
        }
        await visit(page, "#/overview");
        const began = Date.now();
        await page.getByRole("link", { name: "Make the first request" }).click();
        await page.getByLabel("Address").fill(fresh.upstream.url);
        await page.getByLabel("Credential", { exact: true }).fill("sk-of-the-upstream");
        await page.getByRole("button", { name: "Add endpoint" }).click();
        await page.getByRole("button", { name: /^Test/ }).click();
        await page.getByText("It answers, and takes the credential.").waitFor();
        await page.getByLabel("Name at the endpoint").fill("gpt-4o-mini");
        assert.equal(await page.getByLabel("In, per million tokens").inputValue(), "0.15", "filled in from the catalogue");
        await page.getByRole("button", { name: "Add model" }).click();
        await page.getByRole("button", { name: "Create user and key" }).click();
        await page.getByText("Waiting for the first charge").waitFor();
        await settled(page);
        await looksRight(page, "the line to try");
        const line = (await page.getByLabel("A line to try it with").textContent()) ?? "";
        // As a person would run it, as soon as the key is known.
        const key = /tg-\w+/.exec(line)?.[0] ?? "";
        await fresh.untilAdmitted(key, "gpt-4o-mini");
        const said = await run("sh", ["-c", line], { timeout: 30_000 });
        assert.match(said.stdout, /Hello/);
        await page.getByText("The first charge has landed").waitFor();
        console.log(`from an empty server to the first charge: ${((Date.now() - began) / 1000).toFixed(1)} s`);
        assert.deepEqual(await axe(page), []);
        await picture(page, "start-landed");
        await page.getByRole("button", { name: "See the receipt" }).click();
        await page.getByRole("dialog").getByText("Total").waitFor();
        await page.context().close();
      } finally {
        await fresh.close();
      }
    }),
  ];
}
