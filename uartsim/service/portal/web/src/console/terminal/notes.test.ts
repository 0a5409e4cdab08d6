import assert from "node:assert/strict";
import { test } from "node:test";
import type { Terminal } from "@xterm/xterm";
import { Notes, noteRows, visibleControls } from "./notes";

test("control characters of a note are made visible", () => {
  assert.equal(visibleControls("a\x1b[31mb\r\n\x07\x7f\u009b\u202e"), "a␛[31mb␍␊␇␡\ufffd\ufffd");
});

test("a note is broken into rows at blanks", () => {
  assert.deepEqual(noteRows("The machine was reset.", 12), ["The machine", "was reset."]);
  assert.deepEqual(noteRows("abcdefgh", 3), ["abc", "def", "gh"]);
  assert.deepEqual(noteRows("short", 80), ["short"]);
});

/** A terminal with a note "Reset." in row 0 of the screen, whose output the test plays: rows, and how many have scrolled out. */
function withNote() {
  const lines = ["Reset.", "login:"];
  const normal = { type: "normal", cursorX: 0, baseY: 0, getLine: (y: number) => ({ translateToString: () => lines[y] ?? "" }) };
  const marker = { line: 0, isDisposed: false, dispose: () => (marker.isDisposed = true) };
  const decoration = { disposed: false, onRender: () => undefined, dispose: () => (decoration.disposed = true) };
  let check = () => undefined as void;
  let resized = () => undefined as void;
  const terminal = {
    cols: 80,
    buffer: { active: normal, normal, onBufferChange: () => undefined },
    onWriteParsed: (heard: () => void) => (check = heard),
    onResize: (heard: () => void) => (resized = heard),
    registerMarker: () => marker,
    registerDecoration: () => decoration,
  };
  new Notes(terminal as unknown as Terminal, (_text, then) => then()).add("Reset.");
  const played = (row: string, baseY: number, heard: () => void) => {
    lines[0] = row;
    normal.baseY = baseY;
    heard();
  };
  return { decoration, wrote: (row: string, baseY: number) => played(row, baseY, check), resized: (row: string, baseY: number) => played(row, baseY, resized) };
}

test("a note that is written over and scrolled out in one piece of output loses its bar", () => {
  const { decoration, wrote } = withNote();
  wrote("Type your password", 50);
  assert.ok(decoration.disposed);
});

test("a note that has left the screen keeps its bar, also when a resize breaks its rows anew", () => {
  const { decoration, wrote } = withNote();
  wrote("Reset.", 50);
  wrote("Res", 50);
  assert.ok(!decoration.disposed);
});

test("a note that a taller screen has taken back is looked at again", () => {
  const { decoration, wrote, resized } = withNote();
  wrote("Reset.", 50);
  resized("Reset.", 0);
  wrote("Type your password", 50);
  assert.ok(decoration.disposed);
});
