/**
 * Text that comes without keys, and the caret of the text area in which xterm.js takes input.
 *
 * In its screen reader mode xterm.js 6.0.0 lets typed characters stand in the text area, so that they are read out, and
 * ignores what is inserted there otherwise: by an emoji picker, dictation or a menu of accents. And it takes what an input
 * method composes from the end of the text area, wherever the caret is.
 */

import type { Terminal } from "@xterm/xterm";

/** What a keyboard event of an input method has for its code. */
const COMPOSING_KEY = 229;

/** Types text to the guest that was inserted without a key, and keeps the caret where xterm.js expects it. */
export function typeInsertedText(terminal: Terminal, frame: HTMLElement): void {
  let isKeyDown = false;
  const released = () => {
    isKeyDown = false;
  };
  frame.addEventListener("keydown", (event) => {
    isKeyDown = true;
    if (event.keyCode === COMPOSING_KEY && !event.isComposing) caretToEnd(terminal.textarea);
  }, true);
  frame.addEventListener("keyup", released, true);
  frame.addEventListener("focusout", released, true);
  frame.addEventListener("input", (event) => {
    if (!(event instanceof InputEvent) || event.isComposing || event.inputType !== "insertText") return;
    caretToEnd(terminal.textarea);
    if (event.data && !isKeyDown) terminal.input(event.data);
  }, true);
}

function caretToEnd(textarea: HTMLTextAreaElement | undefined): void {
  const end = textarea?.value.length ?? 0;
  if (textarea !== undefined && (textarea.selectionStart !== end || textarea.selectionEnd !== end)) textarea.setSelectionRange(end, end);
}
