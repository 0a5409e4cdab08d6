/** The serial log of a machine: live, to be searched and downloaded. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { usePortal } from "../app/context";
import { Button } from "../ui/button";
import { Checkbox } from "../ui/field";
import { ErrorBar } from "../views/error_bar";
import type { MachineId } from "../views/machine_id";
import { download, fileNameOf } from "../ui/download";
import { LogPane } from "./log/log_pane";
import { LogSearchBar, useLogSearch } from "./log/log_search_bar";
import type { SequenceView } from "./log/readable_line";
import { useLog, type FollowedLog } from "./log/use_log";
import "./log_tab.css";

interface LogTabProps {
  readonly machine: MachineId;
  /** Of boot diagnostics: each has a log of its own; null for storage that Azure manages. */
  readonly account: string | null;
  readonly isEnabled: boolean;
}

export function LogTab({ machine, account, isEnabled }: LogTabProps): JSX.Element {
  const { arm } = usePortal();
  const [view, setView] = useState<SequenceView>("hidden");
  const [wraps, setWraps] = useState(false);
  const [follows, setFollows] = useState(true);
  const log = useLog(arm, machine.id, `${account} ${isEnabled}`, view);
  const chunks = useMemo(() => log.document.chunks(), [log.document, log.version]);
  const search = useLogSearch(chunks, () => setFollows(false));
  const save = (): void => download(fileNameOf(machine.name, ".serialconsole.log"), "application/octet-stream", log.document.bytes());
  return (
    <div class="log-tab">
      <div class="log-tab-tools">
        <LogSearchBar search={search} />
        <Checkbox checked={wraps} onChange={setWraps}>
          Wrap lines
        </Checkbox>
        <Checkbox checked={view === "visible"} onChange={(visible) => setView(visible ? "visible" : "hidden")}>
          Show control sequences
        </Checkbox>
        <Button pressed={!follows} onClick={() => setFollows(!follows)}>
          Pause
        </Button>
        <Button icon="download" label={`Download the serial log of ${machine.name}`} onClick={save}>
          Download
        </Button>
      </div>
      <LogStatus log={log} follows={follows} isEnabled={isEnabled} onEnd={() => setFollows(true)} />
      {log.error !== null && <ErrorBar error={log.error} what="The serial log could not be read. Retrying." onRetry={log.retry} />}
      <LogPane
        label={`Serial log of ${machine.name}`}
        chunks={chunks}
        wraps={wraps}
        follows={follows}
        onFollow={setFollows}
        search={search.search}
        place={search.place}
      />
    </div>
  );
}

interface LogStatusProps {
  readonly log: FollowedLog;
  readonly follows: boolean;
  readonly isEnabled: boolean;
  readonly onEnd: () => void;
}

function LogStatus({ log, follows, isEnabled, onEnd }: LogStatusProps): JSX.Element {
  return (
    <div class="log-tab-status">
      <p>{statusText(log, follows, isEnabled)}</p>
      {!follows && (
        <Button kind="quiet" icon="down" onClick={onEnd}>
          Go to the end and follow
        </Button>
      )}
    </div>
  );
}

function statusText({ document: log, isRead, error }: FollowedLog, follows: boolean, isEnabled: boolean): string {
  if (error !== null) return "Not connected.";
  if (!isRead) return "Reading the log…";
  if (log.length === 0) return isEnabled ? "The log is empty: the guest has sent nothing since boot diagnostics were enabled." : "The log is empty.";
  const lines = `${log.length.toLocaleString()} ${log.length === 1 ? "line" : "lines"}`;
  return follows ? `${lines}. Live: new output is shown as it comes.` : `${lines}. Paused: new output is added at the end.`;
}
