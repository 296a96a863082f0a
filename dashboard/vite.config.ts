// The development server passes the API on to a Tollgate that runs; see README.md.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

const target = process.env["TOLLGATE_ADMIN"] ?? "http://127.0.0.1:9080";

/** What may be within a program that is Apache-2.0. The font's asks that its text goes with it, and so do the others. */
const LICENSES = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "OFL-1.1"];

/** A file that is named like a license, and is a part of the program. */
const CODE = /\.[cm]?[jt]sx?$|\.json$|\.map$/i;

type Package = { name: string; version: string; license?: string };

/**
 * Writes every license, and the notice, of every package that something in the bundle comes from beside it, and names the file in the page. A package under
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
        const files = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => entry.name).sort();
        const licenses = files.filter((file) => /licen[sc]e|copying/i.test(file) && !CODE.test(file));
        if (licenses.length === 0) throw new Error(`${name} has no text of its license`);
        // Apache-2.0 asks in section 4(d) that a NOTICE goes along.
        const notice = files.filter((file) => /^notice/i.test(file) && !CODE.test(file));
        const read = (file: string): string => readFileSync(join(directory, file), "utf8").trim();
        return `${name} ${version} (${license})\n\n${[...licenses, ...notice].map(read).join("\n\n")}\n`;
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
