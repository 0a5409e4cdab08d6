/** The command bar of a machine: its power, its password. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { usePortal } from "../app/context";
import { Button } from "../ui/button";
import { ConfirmDialog } from "../ui/confirm_dialog";
import type { IconName } from "../ui/icon";
import { Toolbar } from "../ui/toolbar";
import { COMMAND_TEXTS, powerOperation, resetOperation } from "./power_operations";
import { whyNot, type PowerCommand } from "./power_state";
import type { Operations } from "./use_operation";

const COMMANDS: readonly { readonly command: PowerCommand; readonly icon: IconName }[] = [
  { command: "start", icon: "start" },
  { command: "restart", icon: "restart" },
  { command: "reset", icon: "power" },
  { command: "powerOff", icon: "stop" },
  { command: "deallocate", icon: "stop" },
];

interface PowerToolbarProps {
  readonly id: string;
  readonly name: string;
  /** The code of the power state: `running`. */
  readonly power: string;
  readonly operations: Operations;
  readonly onRefresh: () => void;
}

export function PowerToolbar({ id, name, power, operations, onRefresh }: PowerToolbarProps): JSX.Element {
  const { arm } = usePortal();
  const [asked, setAsked] = useState<PowerCommand | null>(null);
  const run = (command: PowerCommand): void => {
    setAsked(null);
    operations.run(command === "reset" ? resetOperation(arm, id, name) : powerOperation(arm, command, id, name));
  };
  const busy = operations.running === null ? null : `${operations.running.doing}: wait until that is done.`;
  return (
    <>
      <Toolbar label={`Commands for ${name}`}>
        {COMMANDS.map(({ command, icon }) => (
          <Button
            key={command}
            icon={icon}
            kind="quiet"
            label={`${COMMAND_TEXTS[command].text} ${name}`}
            unavailable={busy ?? whyNot(command, power)}
            onClick={() => (COMMAND_TEXTS[command].question === null ? run(command) : setAsked(command))}
          >
            {COMMAND_TEXTS[command].text}
          </Button>
        ))}
        <Button icon="refresh" kind="quiet" label={`Refresh ${name}`} onClick={onRefresh}>
          Refresh
        </Button>
      </Toolbar>
      {asked !== null && <Question command={asked} name={name} onConfirm={() => run(asked)} onCancel={() => setAsked(null)} />}
    </>
  );
}

interface QuestionProps {
  readonly command: PowerCommand;
  /** What it is done to: `linux1`, `2 instances of web`. */
  readonly name: string;
  readonly onConfirm: () => void;
  readonly onCancel: () => void;
}

/** What is asked before a command. */
export function Question({ command, name, onConfirm, onCancel }: QuestionProps): JSX.Element {
  const { text, question } = COMMAND_TEXTS[command];
  return (
    <ConfirmDialog title={`${text} ${name}?`} confirm={text} danger={command !== "restart"} onConfirm={onConfirm} onCancel={onCancel}>
      <p>{question}</p>
    </ConfirmDialog>
  );
}
