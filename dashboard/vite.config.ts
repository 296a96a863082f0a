// The development server passes the API on to a Tollgate that runs; see README.md.
import { defineConfig } from "vite";

const target = process.env["TOLLGATE_ADMIN"] ?? "http://127.0.0.1:9080";

export default defineConfig({
  build: {
    // Nothing is written into the page itself: its policy allows no inline script, and no data: script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/admin": { target } } },
});
