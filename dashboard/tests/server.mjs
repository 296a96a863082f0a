// A real `tollgate serve` on a database of its own, and its command line.

import { execFile, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");

/** The binary that is tested: `TOLLGATE_BINARY`, or the debug build. */
export const BINARY = process.env.TOLLGATE_BINARY ?? join(root, "target/debug/tollgate");

/** Asks until there is an answer. */
export async function until(what, look, patienceMs = 60_000) {
  const deadline = Date.now() + patienceMs;
  let last;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== null && found !== false) return found;
    } catch (error) {
      if (error.isFinal) throw error;
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`, { cause: last });
    await new Promise((done) => setTimeout(done, 50));
  }
}

function cleanEnvironment() {
  // Settings of whoever runs this are not for this server.
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("TOLLGATE_")));
}

export class Server {
  data = "";
  gateway = "";
  admin = "";
  /** @type {import("node:child_process").ChildProcess} */
  process;

  static async start(settings = "") {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: run \`cargo ui-test\`, or build it with \`cargo build\``);
    const server = new Server();
    server.data = mkdtempSync(join(tmpdir(), "tollgate-ui-"));
    // As root, PostgreSQL runs as another user, who must reach what is inside.
    chmodSync(server.data, 0o711);
    const log = openSync(join(server.data, "serve.log"), "w");
    const environment = { ...cleanEnvironment(), TOLLGATE_ADMIN__LISTEN: "127.0.0.1:0" };
    // The upstream of the tests is on this machine, which who manages the platform may not name otherwise.
    const config = join(server.data, "tollgate.toml");
    writeFileSync(config, `[admin]\nallowed_networks = ["127.0.0.0/8"]\n${settings}`);
    server.process = spawn(BINARY, ["serve", "--config", config, "--listen", "127.0.0.1:0", "--data-dir", server.data], { stdio: ["ignore", log, log], env: environment });
    server.gateway = await server.addressIn("listen.addr");
    server.admin = await server.addressIn("admin.addr");
    await until("the server to be ready", async () => (await fetch(`${server.gateway}/readyz`)).ok);
    return server;
  }

  /** An address that the server has written down. */
  async addressIn(...names) {
    return until(`the server to write ${names[0]}`, () => {
      if (this.process.exitCode !== null) throw Object.assign(new Error(readFileSync(join(this.data, "serve.log"), "utf8")), { isFinal: true });
      const found = names.map((name) => join(this.data, name)).find((file) => existsSync(file));
      const text = found && readFileSync(found, "utf8").trim();
      return text ? `http://${text}` : undefined;
    });
  }

  /** One command of the command line; its JSON. */
  async cli(...words) {
    const { stdout } = await run(BINARY, [...words, "--json", "--data-dir", this.data], { env: cleanEnvironment() });
    return JSON.parse(stdout);
  }

  async hasCommand(...words) {
    return run(BINARY, [...words, "--help"], { env: cleanEnvironment() }).then(() => true, () => false);
  }

  /** SQL of whoever owns the database: for what no client can do. */
  sql(text) {
    const url = readFileSync(join(this.data, "database.url"), "utf8").trim();
    return execFileSync(psql(), [url, "-v", "ON_ERROR_STOP=1", "-qAt", "-c", text], { encoding: "utf8" }).trim();
  }

  async stop() {
    const ended = new Promise((done) => this.process.once("exit", done));
    this.process.kill("SIGTERM");
    await ended;
    rmSync(this.data, { recursive: true, force: true });
  }
}

function psql() {
  const debian = "/usr/lib/postgresql";
  const installed = existsSync(debian) ? readdirSync(debian).map((version) => `${debian}/${version}/bin/psql`) : [];
  return installed.find((file) => existsSync(file)) ?? "psql";
}
