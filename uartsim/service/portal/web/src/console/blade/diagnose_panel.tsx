/** Why a console may be silent: the verdict, what speaks for it, and the remedy. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Arm } from "../../azure/arm";
import { Button } from "../../ui/button";
import { MessageBar } from "../../ui/message_bar";
import { Panel } from "../../ui/panel";
import { Spinner } from "../../ui/progress";

/** The answer of `POST /_uartsim/portal/diagnose`. */
interface Diagnosis {
  readonly verdict: string;
  readonly evidence: readonly string[];
  readonly remedy: string;
}

interface DiagnosePanelProps {
  readonly arm: Arm;
  readonly machineId: string;
  readonly onClose: () => void;
}

type Found = { readonly diagnosis: Diagnosis } | { readonly error: string } | null;

export function DiagnosePanel({ arm, machineId, onClose }: DiagnosePanelProps): JSX.Element {
  const [found, setFound] = useState<Found>(null);
  const [turn, setTurn] = useState(1);
  useEffect(() => {
    const ended = new AbortController();
    setFound(null);
    diagnose(arm, machineId, ended.signal).then(
      (diagnosis) => setFound({ diagnosis }),
      (error: Error) => ended.signal.aborted || setFound({ error: error.message }),
    );
    return () => ended.abort();
  }, [turn]);
  return (
    <Panel title="Diagnosis" onClose={onClose}>
      <div aria-live="polite">{found === null ? <Spinner>Looking at the line…</Spinner> : <Answer found={found} />}</div>
      <Button disabled={found === null} onClick={() => setTurn(turn + 1)}>
        Diagnose again
      </Button>
    </Panel>
  );
}

function Answer({ found }: { readonly found: NonNullable<Found> }): JSX.Element {
  if ("error" in found) return <MessageBar kind="error">{found.error}</MessageBar>;
  const { verdict, evidence, remedy } = found.diagnosis;
  return (
    <>
      <h3>Verdict</h3>
      <p>{verdict}</p>
      <h3>Evidence</h3>
      <ul>
        {evidence.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
      <h3>Remedy</h3>
      <p>{remedy}</p>
    </>
  );
}

async function diagnose(arm: Arm, machineId: string, signal: AbortSignal): Promise<Diagnosis> {
  const path = `/_uartsim/portal/diagnose?machine=${encodeURIComponent(machineId)}`;
  const response = await arm.fetch(path, { method: "POST", signal });
  return (await response.json()) as Diagnosis;
}
