/** A picture of a machine's display, as it was when it was asked for. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { usePortal } from "../app/context";
import { usePolled } from "../azure/polled";
import { announce } from "../ui/announce";
import { Button } from "../ui/button";
import { EmptyState } from "../ui/empty_state";
import { Spinner } from "../ui/progress";
import { ErrorBar } from "../views/error_bar";
import type { MachineId } from "../views/machine_id";
import { fileNameOf } from "../ui/download";
import "./screenshot_tab.css";

interface Screenshot {
  readonly picture: Blob;
  readonly takenAt: Date;
}

export function ScreenshotTab({ machine }: { readonly machine: MachineId }): JSX.Element {
  const { arm } = usePortal();
  const polled = usePolled(`screenshot ${machine.id}`, async (signal): Promise<Screenshot> => {
    const answer = await arm.fetch(`/_uartsim/portal/screenshot?machine=${encodeURIComponent(machine.id)}`, { signal });
    const picture = await answer.blob();
    announce("The screenshot has been taken.");
    return { picture, takenAt: new Date() };
  }, null);
  const { value, error, refresh } = polled;
  const hasNoDisplay = error?.code === "NoDisplay";
  return (
    <div class="screenshot-tab">
      <div class="screenshot-tab-tools">
        <Button icon="refresh" label={`Take another screenshot of ${machine.name}`} onClick={refresh}>
          Refresh
        </Button>
      </div>
      {hasNoDisplay && (
        <EmptyState icon="virtual_machine" title="There is no display to take a picture of">
          <p>{error.message}</p>
        </EmptyState>
      )}
      {error !== null && !hasNoDisplay && <ErrorBar error={error} what="The screenshot could not be taken." onRetry={refresh} />}
      {value === null && error === null && <Spinner>Taking a screenshot…</Spinner>}
      {value !== null && !hasNoDisplay && <Picture name={machine.name} screenshot={value} />}
    </div>
  );
}

function Picture({ name, screenshot }: { readonly name: string; readonly screenshot: Screenshot }): JSX.Element | null {
  const address = useAddress(screenshot.picture);
  const time = screenshot.takenAt.toLocaleString();
  if (address === null) return null;
  return (
    <figure class="screenshot-tab-picture">
      <img src={address} alt={`The display of ${name} at ${time}`} />
      <figcaption>
        {`Taken at ${time}. `}
        <a href={address} download={fileNameOf(name, ".screenshot.png")}>
          Download the picture
        </a>
      </figcaption>
    </figure>
  );
}

function useAddress(picture: Blob): string | null {
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    const made = URL.createObjectURL(picture);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [picture]);
  return address;
}
