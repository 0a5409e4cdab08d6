import assert from "node:assert/strict";
import { test } from "node:test";
import { Arm } from "../../azure/arm";
import type { ConsoleTerminal } from "../terminal/terminal";
import { ConsoleController } from "./console_controller";

test("a console that was left while a refusal was mended does not connect", async () => {
  let connects = 0;
  const ports = {
    connect: () => {
      connects += 1;
      return new Promise<string>(() => undefined);
    },
    token: async () => "token",
    openSocket: () => assert.fail("no socket is opened"),
    now: () => 0,
    after: () => () => undefined,
    random: () => 0.5,
  };
  const terminal = {} as ConsoleTerminal;
  const controller = new ConsoleController(new Arm({ token: ports.token, refuse: () => undefined }), terminal, ports, 2048, () => undefined);
  let finish = (): void => undefined;
  const mended = controller.mend({ text: "Start", label: "Start the machine", doing: "Starting", act: () => new Promise<void>((resolve) => (finish = resolve)) });
  controller.disconnect();
  finish();
  await mended;
  assert.equal(connects, 0);
});
