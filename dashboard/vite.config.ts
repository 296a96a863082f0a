// The development server passes the API on to a Tollgate that runs; see README.md.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

const target = process.env["TOLLGATE_ADMIN"] ?? "http://127.0.0.1:9080";

/** What may be within a program that is Apache-2.0. The font's asks that its text goes with it, and so do the others. */
const LICENSES = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "OFL-1.1"];

type Package = { name: string; version: string; license?: string };

/**
 * Writes the license of every package that something in the bundle comes from beside it, and names the file in the page. A package under
 * another license, or without its text, ends the build.
 */
function notices(): Plugin {
  let file = "";
  return {
    name: "notices",
    apply: "build",
    generateBundle() {
      const bundled = [...this.getModuleIds()].flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id.replaceAll("\\", "/")) ?? []);
      // A package whose file begins with a NUL is a virtual one of the bundler's own, around the real one.
      const directories = [...new Set(bundled.map((path) => path.replace(/^\0/, "")))].sort();
      const texts = directories.map((directory) => {
        const { name, version, license = "of no named license" } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Package;
        if (!LICENSES.includes(license)) throw new Error(`${name} is ${license}, which is not among ${LICENSES.join(", ")}`);
        const text = readdirSync(directory).find((entry) => /^licen[sc]e/i.test(entry));
        if (text === undefined) throw new Error(`${name} has no text of its license`);
        return `${name} ${version} (${license})\n\n${readFileSync(join(directory, text), "utf8").trim()}\n`;
      });
      if (!texts.some((text) => text.includes("SIL Open Font License"))) throw new Error("the license of the font is not among the notices");
      const rule = `\n${"=".repeat(80)}\n\n`;
      const source = ["What others made and is within Tollgate's dashboard, and under which licenses.\n", ...texts].join(rule);
      file = this.getFileName(this.emitFile({ type: "asset", name: "third-party-notices.txt", source }));
    },
    transformIndexHtml: {
      order: "post",
      handler: () => (file === "" ? [] : [{ tag: "link", attrs: { rel: "license", href: `/${file}` }, injectTo: "head" }]),
    },
  };
}

export default defineConfig({
  plugins: [notices()],
  build: {
    // Nothing is written into the page itself: its policy allows no inline script, and no data: script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/admin": { target } } },
});
