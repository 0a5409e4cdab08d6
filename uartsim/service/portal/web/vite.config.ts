import { defineConfig } from "vite";

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
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
});
