import { defineConfig } from "vite";

// The server fills in its static prefix by serving index.html at it: all addresses are relative.
export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../mlctl/ui/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // a data: address in a style would need a wider content security policy
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
});
