/** The text of a log, which stays at its end until somebody scrolls up. */
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
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
  const content = useRef<HTMLDivElement>(null);
  const height = useRef(0);
  const toEnd = (): void => {
    if (follows && pane.current !== null) pane.current.scrollTop = pane.current.scrollHeight;
    height.current = pane.current?.scrollHeight ?? 0;
  };
  useLayoutEffect(toEnd, [chunks, follows, wraps]);
  useEffect(() => {
    // Text gets its true size only when it comes into sight, which moves the end.
    const observer = new ResizeObserver(toEnd);
    if (pane.current !== null) observer.observe(pane.current);
    if (content.current !== null) observer.observe(content.current);
    return () => observer.disconnect();
  }, [follows]);
  const scrolled = (): void => {
    const element = pane.current;
    if (element === null) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight <= AT_END_PX;
    if (isAtEnd && !follows) onFollow(true);
    // While the height stays, it is a person who scrolls.
    else if (!isAtEnd && follows && element.scrollHeight === height.current) onFollow(false);
  };
  return (
    <div ref={pane} class={`log-pane ${wraps ? "log-pane-wraps" : ""}`} role="region" aria-label={label} tabIndex={0} onScroll={scrolled}>
      <div ref={content} class="log-pane-content">
        {chunks.map((chunk) => (
          <LogChunkView key={chunk.id} chunk={chunk} search={search} current={place?.chunkId === chunk.id ? place.index : null} />
        ))}
      </div>
    </div>
  );
}
