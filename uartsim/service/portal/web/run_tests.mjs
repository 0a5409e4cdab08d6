// Runs the tests of the page's own modules, src/**/*.test.ts: esbuild, which Vite brings, turns them into JavaScript.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const source = fileURLToPath(new URL("src", import.meta.url));
const tests = readdirSync(source, { recursive: true })
  .map(String)
  .filter((name) => name.endsWith(".test.ts"));
if (tests.length === 0) throw new Error(`There are no tests below ${source}.`);
const folder = mkdtempSync(join(tmpdir(), "portal-tests-"));
try {
  await build({
    entryPoints: tests.map((name) => join(source, name)),
    outdir: folder,
    outbase: source,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node18",
    jsx: "automatic",
    jsxImportSource: "preact",
    logLevel: "warning",
  });
  const files = tests.map((name) => join(folder, name.replace(/\.ts$/, ".mjs")));
  const ended = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" });
  process.exitCode = ended.status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}
