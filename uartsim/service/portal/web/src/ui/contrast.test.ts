import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Theme } from "./page_theme";

const CSS = readFileSync("src/ui/base.css", "utf8");

function color(name: string, theme: Theme): number[] {
  const pair = new RegExp(`--color-${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\)`).exec(CSS);
  const hex = pair?.[theme === "light" ? 1 : 2];
  assert.ok(hex !== undefined, `base.css has no colour ${name}`);
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
}

/** The contrast ratio of two colours (WCAG 2.2, "contrast ratio"). */
function contrast(first: string, second: string, theme: Theme): number {
  const [low, high] = [first, second]
    .map((name) => {
      const [red, green, blue] = color(name, theme).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
      return 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
    })
    .sort((one, other) => one - other);
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
}

const PLAIN = ["page", "surface", "raised", "hover", "selected"];
const KINDS = ["info", "success", "warning", "error"];

const READ: [string, string][] = [
  ...PLAIN.flatMap((on): [string, string][] => ["text", "quiet", "link", "danger", ...KINDS].map((name) => [name, on])),
  ...KINDS.flatMap((kind): [string, string][] => ["text", "link", kind].map((name) => [name, `${kind}-surface`])),
  ["on-accent", "accent"],
  ["on-accent", "accent-hover"],
  ["on-danger", "danger"],
  ["on-danger", "danger-hover"],
  ["on-header", "header"],
];

test("text has a contrast of 4.5 on every surface that it is on", () => {
  for (const theme of ["light", "dark"] as const) {
    for (const [name, on] of READ) {
      const ratio = contrast(name, on, theme);
      assert.ok(ratio >= 4.5, `${theme}: ${name} on ${on} has ${ratio.toFixed(2)}`);
    }
  }
});

test("borders of controls and the focus ring have a contrast of 3", () => {
  for (const theme of ["light", "dark"] as const) {
    for (const name of ["border", "focus", "accent"]) {
      for (const on of PLAIN) {
        const ratio = contrast(name, on, theme);
        assert.ok(ratio >= 3, `${theme}: ${name} on ${on} has ${ratio.toFixed(2)}`);
      }
    }
  }
});
