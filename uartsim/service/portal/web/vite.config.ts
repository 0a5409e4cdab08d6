import { defineConfig } from "vite";
import { pageManifest } from "./page_manifest.ts";

export default defineConfig({
  base: "/portal/",
  build: {
    outDir: "../page",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  plugins: [pageManifest()],
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
});
