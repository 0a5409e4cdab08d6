/** The text of a log, which stays at its end until somebody scrolls up. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { LogChunkView } from "./log_chunk_view";
import type { LogChunk } from "./log_document";
import type { LogSearch, MatchPlace } from "./log_search";
import "./log_pane.css";

interface LogPaneProps {
  /** The accessible name. */
  readonly label: string;
  readonly chunks: readonly LogChunk[];
  readonly wraps: boolean;
  /** Whether it goes with its end. */
  readonly follows: boolean;
  readonly onFollow: (follows: boolean) => void;
  readonly search: LogSearch | null;
  /** Where the present match is. */
  readonly place: MatchPlace | null;
}

const AT_END_PX = 24;

export function LogPane({ label, chunks, wraps, follows, onFollow, search, place }: LogPaneProps): JSX.Element {
  const pane = useRef<HTMLDivElement>(null);
  const height = useRef(0);
  useLayoutEffect(() => {
    if (follows && pane.current !== null) pane.current.scrollTop = pane.current.scrollHeight;
    height.current = pane.current?.scrollHeight ?? 0;
  }, [chunks, follows, wraps]);
  const scrolled = (): void => {
    const element = pane.current;
    if (element === null) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight <= AT_END_PX;
    if (isAtEnd && !follows) onFollow(true);
    // Text that gets its true size while it comes into sight moves the end; only a person scrolls without that.
    else if (!isAtEnd && follows && element.scrollHeight === height.current) onFollow(false);
    else if (follows) element.scrollTop = element.scrollHeight;
    height.current = element.scrollHeight;
  };
  return (
    <div ref={pane} class={`log-pane ${wraps ? "log-pane-wraps" : ""}`} role="region" aria-label={label} tabIndex={0} onScroll={scrolled}>
      {chunks.map((chunk) => (
        <LogChunkView key={chunk.id} chunk={chunk} search={search} current={place?.chunkId === chunk.id ? place.index : null} />
      ))}
    </div>
  );
}
