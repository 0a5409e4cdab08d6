// What Vite does not do itself at the end of a build: compressed twins of the assets, and a list of what was made.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const LIST = "files.json";
/** A way to compress, by the suffix of the compressed file's name. */
const COMPRESSIONS: Record<string, (content: Buffer) => Buffer> = {
  br: (content) => brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
  gz: (content) => gzipSync(content, { level: 9 }),
};

/**
 * Writes `files.json` beside the page: its files with the suffixes of their compressed twins, and the hash of the sources,
 * which uartsim's build backend gives in UARTSIM_PAGE_SOURCES (null for a build at the desk). The page itself has no twin:
 * each answer has a nonce of its own in it. What an earlier build has listed is removed first, and nothing else.
 */
export function pageManifest(): Plugin {
  let folder = "";
  return {
    name: "page-manifest",
    apply: "build",
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir);
    },
    writeBundle: {
      order: "post",
      handler(_options, bundle) {
        mkdirSync(folder, { recursive: true });
        const made = Object.keys(bundle).sort();
        removeListed(folder, new Set(made));
        const files = Object.fromEntries(made.map((name) => [name, name === "index.html" ? [] : compress(folder, name)]));
        const list = { sources: process.env["UARTSIM_PAGE_SOURCES"] ?? null, files };
        writeFileSync(join(folder, LIST), JSON.stringify(list, null, 2) + "\n");
        rmSync(join(folder, "why_missing.txt"), { force: true });
      },
    },
  };
}

/** Removes what the list of an earlier build names, but for the files that were made just now. */
function removeListed(folder: string, kept: Set<string>): void {
  let files: Record<string, string[]>;
  try {
    files = JSON.parse(readFileSync(join(folder, LIST), "utf8")).files;
  } catch {
    return;
  }
  for (const [name, suffixes] of Object.entries(files)) {
    for (const old of [name, ...suffixes.map((suffix) => `${name}.${suffix}`)]) {
      if (!kept.has(old)) rmSync(join(folder, old), { force: true });
    }
  }
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
