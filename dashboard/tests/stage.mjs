// What the tests are played on: a server, an upstream, people who sign in, and a browser.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

import { chromium } from "playwright-core";

import { Server, until } from "./server.mjs";
import { startUpstream } from "./upstream.mjs";

export const PICTURES = resolve(import.meta.dirname, "../../target/dashboard");
const README_PICTURES = resolve(import.meta.dirname, "../../docs/pictures");
/** Pictures that the README shows, written anew where that was asked for. */
const IN_README = { "overview-light-wide": "overview", "model-dark-wide": "prices-dark", "customer-dark-phone": "customer-phone", receipt: "receipt", "start-landed": "first-request" };
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const WIDTHS = { wide: { width: 1360, height: 900 }, phone: { width: 390, height: 844 } };

/** A host that is this machine, and that a page does not take for it. */
export const ELSEWHERE = "tollgate.test";

export async function startBrowser() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--force-color-profile=srgb", `--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`] });
}

export class Stage {
  /** @type {Server} */
  server;
  /** @type {{ url: string, stop: () => void }} */
  upstream;
  url = "";

  /** `settings`: further sections of the configuration, in TOML. */
  static async open(settings = "") {
    const stage = new Stage();
    stage.server = await Server.start(settings);
    stage.upstream = await startUpstream();
    stage.url = stage.server.admin;
    return stage;
  }

  async close() {
    this.upstream.stop();
    await this.server.stop();
  }

  /** A user who can sign in, with this role on the platform, or none. */
  async person(name, role = null, credits = null) {
    const user = await this.server.cli("user", "create", name, ...(credits === null ? [] : ["--credits", credits]));
    if (role !== null) await this.server.cli("user", "role", name, role);
    return user;
  }

  async model(alias, input, output, endpoint = "openai") {
    await this.server.cli("model", "create", alias, "--endpoint", endpoint);
    if (input !== null) await this.server.cli("tariff", "set", alias, "--input-price", input, "--output-price", output);
  }

  async key(user, name) {
    return (await this.server.cli("key", "create", "--user", user, "--name", name)).secret;
  }

  /** One request to the gateway; its status. */
  async ask(key, model, { prompt = 900, completion = 120, stream = false } = {}) {
    const response = await fetch(`${this.server.gateway}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model, stream, messages: [{ role: "user", content: `Hello [[prompt=${prompt} completion=${completion}]]` }] }),
    });
    await response.text();
    return response.status;
  }

  /** The gateway learns of new keys and models within a second. */
  async untilAdmitted(key, ...models) {
    await until("the gateway to know a key", async () => {
      const response = await fetch(`${this.server.gateway}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
      const body = await response.text();
      return response.ok && models.every((model) => body.includes(JSON.stringify(model)));
    });
  }

  /** A page of a browser of its own, with somebody signed in by a link. */
  async signIn(browser, name, options = {}) {
    return this.comeIn(browser, await this.link(name), options);
  }

  /** As `signIn`, by a link that there is. */
  async comeIn(browser, link, options = {}) {
    const context = await browser.newContext({ viewport: WIDTHS.wide, colorScheme: "light", locale: "en-GB", timezoneId: "UTC", ...options });
    context.setDefaultTimeout(30_000);
    const page = watched(await context.newPage());
    await page.goto(link);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("navigation", { name: "Pages" }).waitFor({ state: "attached" });
    return page;
  }

  async link(name) {
    return (await this.server.cli("user", "sign-in-link", name)).url;
  }
}

/** Remembers what a page complains of: a violated policy, an exception, a file that is not there. */
export function watched(page) {
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => {
    // A refused request is part of some tests; the browser logs each.
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) page.complaints.push(message.text());
  });
  return page;
}

/** Goes to a page of the dashboard and waits until nothing is being loaded. */
export async function visit(page, hash) {
  await page.evaluate((to) => { window.location.hash = to; }, hash);
  await settled(page);
}

export async function settled(page) {
  const isSettled = () => document.querySelector("main h1") !== null && document.querySelector(".skeleton") === null;
  await page.waitForFunction(isSettled).catch(async (error) => {
    await picture(page, "unsettled");
    throw error;
  });
  await page.evaluate(() => document.fonts.ready);
}

/** What axe finds on the page. */
export async function axe(page) {
  // Evaluated by the debugger, not by the page: the page's policy would not let it in.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => /** @type {any} */ (window).axe.run(document, { resultTypes: ["violations"] }));
  return violations.map((violation) => `${violation.id}: ${violation.nodes.slice(0, 3).map((node) => `${node.target} (${node.any.map((check) => check.message).join("; ")})`).join(" | ")}`);
}

/** Kept for whoever looks at them. */
export async function picture(page, name) {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
  const inReadme = IN_README[name];
  if (inReadme !== undefined && process.env.TOLLGATE_PICTURES === "1") {
    mkdirSync(README_PICTURES, { recursive: true });
    await page.screenshot({ path: join(README_PICTURES, `${inReadme}.png`) });
  }
}


