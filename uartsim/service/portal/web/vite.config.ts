import { defineConfig } from "vite";
import { deskServer } from "./desk_server.ts";
import { pageManifest } from "./page_manifest.ts";
import { renderBlocking } from "./render_blocking.ts";

export default defineConfig(({ command }) => ({
  base: "/portal/",
  build: {
    outDir: "../page",
    emptyOutDir: false,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  ...(command === "serve" ? { server: deskServer() } : {}),
  plugins: [pageManifest(), renderBlocking()],
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
}));
