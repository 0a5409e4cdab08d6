// What Vite does not do itself at the end of a build: compressed twins of the assets, and a list of what was made.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

/** A way to compress, by the suffix of the compressed file's name. */
const COMPRESSIONS: Record<string, (content: Buffer) => Buffer> = {
  br: (content) => brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
  gz: (content) => gzipSync(content, { level: 9 }),
};

/**
 * Writes `files.json` beside the page: its files with the suffixes of their compressed twins, and the hash of the sources,
 * which uartsim's build backend gives in UARTSIM_PAGE_SOURCES (null for a build at the desk). The page itself has no twin:
 * each answer has a nonce of its own in it.
 */
export function pageManifest(): Plugin {
  let folder = "";
  return {
    name: "page-manifest",
    apply: "build",
    configResolved(config) {
      folder = config.build.outDir.startsWith("/") ? config.build.outDir : join(config.root, config.build.outDir);
    },
    closeBundle: {
      order: "post",
      handler() {
        const names = readdirSync(folder, { recursive: true }).map(String).sort();
        const made = names.filter((name) => statSync(join(folder, name)).isFile());
        const files = Object.fromEntries(made.map((name) => [name, name === "index.html" ? [] : compress(folder, name)]));
        const manifest = { sources: process.env["UARTSIM_PAGE_SOURCES"] ?? null, files };
        writeFileSync(join(folder, "files.json"), JSON.stringify(manifest, null, 2) + "\n");
      },
    },
  };
}

/** Writes the compressed twins of a file that are smaller than it, and returns their suffixes, the smallest first. */
function compress(folder: string, name: string): string[] {
  const content = readFileSync(join(folder, name));
  const twins = Object.entries(COMPRESSIONS)
    .map(([suffix, pack]) => ({ suffix, packed: pack(content) }))
    .filter(({ packed }) => packed.length < content.length)
    .sort((one, other) => one.packed.length - other.packed.length);
  for (const { suffix, packed } of twins) writeFileSync(join(folder, `${name}.${suffix}`), packed);
  return twins.map(({ suffix }) => suffix);
}
