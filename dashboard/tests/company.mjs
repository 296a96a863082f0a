// Sign-in through a real OpenID provider, in a real browser, which is what minds cookies of other sites.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

import { looksRight } from "./pages.mjs";
import { BINARY } from "./server.mjs";
import { Stage, picture, visit, watched, WIDTHS } from "./stage.mjs";

const SCRIPT = resolve(import.meta.dirname, "../../crates/server/tests/sdk/oidc_provider.mjs");

/** Where the provider's package is installed, with the SDKs; `undefined` where it is not and need not be. */
function home() {
  const named = process.env.TOLLGATE_SDKS;
  const found = join(named ?? resolve(BINARY, "../../sdks"), "node");
  if (existsSync(join(found, "installed"))) return found;
  assert.equal(named, undefined, `no SDKs in ${found}: cargo run -p xtask -- sdks`);
  return undefined;
}

class Provider {
  /** @type {any} */
  process;
  /** @type {AsyncIterator<string>} */
  said;
  issuer = "";

  static async start(at) {
    const provider = new Provider();
    // Node finds packages from where the script is.
    const script = join(at, `oidc_provider-ui-${process.pid}.mjs`);
    copyFileSync(SCRIPT, script);
    provider.process = spawn("node", [script], { stdio: ["pipe", "pipe", "inherit"] });
    provider.said = createInterface({ input: provider.process.stdout })[Symbol.asyncIterator]();
    provider.issuer = (await provider.heard()).issuer;
    rmSync(script);
    return provider;
  }

  async heard() {
    const { value } = await this.said.next();
    return JSON.parse(value);
  }

  async become(settings) {
    this.process.stdin.write(`${JSON.stringify(settings)}\n`);
    assert.equal((await this.heard()).kid, settings.kid);
  }

  async stop() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((done) => this.process.once("exit", done));
    this.process.kill();
    await ended;
  }
}

/** Signs in at the provider's own pages. */
async function signInThere(page, account) {
  await page.locator("input[name=login]").fill(account);
  await page.locator("input[name=password]").fill("whatever");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}

export function companyTests(t, { browser }) {
  return [
    t.test("a person signs in through the company's provider, and a stranger does not", async (one) => {
      const at = home();
      if (at === undefined) {
        one.skip("no SDKs: cargo run -p xtask -- sdks installs the provider with them");
        return;
      }
      const provider = await Provider.start(at);
      const files = mkdtempSync(join(tmpdir(), "tollgate-ui-oidc-"));
      const secret = join(files, "client-secret");
      writeFileSync(secret, "a secret of the client");
      const stage = await Stage.open(`[admin.oidc]\nissuer = "${provider.issuer}"\nname = "the company"\nclient_id = "tollgate"\nclient_secret_file = "${secret}"\n`);
      const contexts = [];
      const open = async () => {
        const context = await browser().newContext({ viewport: WIDTHS.wide, colorScheme: "light", locale: "en-GB", timezoneId: "UTC" });
        contexts.push(context);
        context.setDefaultTimeout(30_000);
        // The provider's page asks the internet for a font.
        await context.route(/googleapis/, (route) => route.abort());
        const page = watched(await context.newPage());
        await page.goto(stage.url);
        await page.getByRole("heading", { name: "Sign in to Tollgate" }).waitFor();
        return page;
      };
      try {
        await provider.become({ kid: "one", client: { client_id: "tollgate", client_secret: "a secret of the client", redirect_uris: [`${stage.url}/admin/api/v1/oidc/callback`] } });
        await stage.person("ada", "viewer");
        await stage.server.cli("user", "link", "ada", "--subject", "ada-at-the-company", "--issuer", provider.issuer);
        const page = await open();
        const button = page.getByRole("link", { name: "Sign in with the company" });
        await button.waitFor();
        await looksRight(page, "the sign-in page with a provider");
        await picture(page, "sign-in-company");
        await button.click();
        await signInThere(page, "ada-at-the-company");
        await page.getByRole("navigation", { name: "Pages" }).waitFor({ state: "attached" });
        assert.equal(page.url(), `${stage.url}/#/`);
        const cookies = await page.context().cookies(stage.url);
        assert.deepEqual(cookies.map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite })), [{ name: "tollgate_session", httpOnly: true, sameSite: "Strict" }]);
        await visit(page, "#/you");
        await page.getByText("You came in through the company's sign-in").waitFor();
        assert.equal(await page.getByLabel("New password").count(), 0);
        await looksRight(page, "a person without a password");
        await page.getByRole("button", { name: "Sign out", exact: true }).click();
        // Whoever is known there needs no form.
        await page.getByRole("link", { name: "Sign in with the company" }).click();
        await page.getByRole("navigation", { name: "Pages" }).waitFor({ state: "attached" });

        const strangers = await open();
        await strangers.getByRole("link", { name: "Sign in with the company" }).click();
        await signInThere(strangers, "mallory");
        await strangers.getByRole("alert").getByText("Nobody here is linked to you").waitFor();
        await looksRight(strangers, "a refused sign-in through the provider");
        // What an address says is not what the page says.
        await strangers.goto(`${stage.url}/#/sign-in?problem=Call%20us%20at%20evil.test`);
        await strangers.getByRole("alert").getByText("It did not work").waitFor();
        assert.doesNotMatch((await strangers.locator("main").textContent()) ?? "", /evil/);

        // A server that has never heard of the provider says itself that it is away; passwords go on.
        await strangers.goto(`${stage.url}/#/sign-in?problem=oidc_provider`);
        await strangers.getByRole("alert").getByText("The company's sign-in does not answer").waitFor();
        await strangers.getByLabel("Password").waitFor();
        await looksRight(strangers, "a provider that is away");
      } finally {
        for (const context of contexts) await context.close();
        await stage.close();
        await provider.stop();
        rmSync(files, { recursive: true, force: true });
      }
    }),
  ];
}
