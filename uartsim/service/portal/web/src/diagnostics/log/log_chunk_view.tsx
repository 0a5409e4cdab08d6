/** Some lines of a log, with what was found in them. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { LogChunk, LogLine } from "./log_document";
import type { LogMatch, LogSearch } from "./log_search";

interface LogChunkViewProps {
  readonly chunk: LogChunk;
  readonly search: LogSearch | null;
  /** Which of the chunk's matches is the present one; null if none is. */
  readonly current: number | null;
}

/**
 * The browser lays out only what is near the visible part (`content-visibility`), for which the size of the rest has to be told; and
 * what was found is marked only there.
 */
export function LogChunkView({ chunk, search, current }: LogChunkViewProps): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  const isNear = useIsNear(element);
  useLayoutEffect(() => {
    element.current?.style.setProperty("--log-lines", String(chunk.lines.length));
    element.current?.style.setProperty("--log-columns", String(chunk.columns));
  }, [chunk]);
  useEffect(() => {
    if (current !== null && isNear) element.current?.querySelector(".log-match-current")?.scrollIntoView({ block: "center", inline: "nearest" });
    else if (current !== null) element.current?.scrollIntoView({ block: "center" });
  }, [current, isNear, search]);
  const marks = search !== null && (isNear || current !== null) ? search : null;
  // The same element for the same lines: a chunk that has not changed is not compared again.
  return useMemo(
    () => (
      <div class="log-chunk" ref={element}>
        {linesOf(chunk, marks === null ? [] : marks.in(chunk), current)}
      </div>
    ),
    [chunk, marks, current],
  );
}

function useIsNear(element: { readonly current: HTMLElement | null }): boolean {
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new IntersectionObserver(([entry]) => setNear(entry?.isIntersecting === true), { rootMargin: "600px" });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return isNear;
}

/** Lines that need no element of their own are one text: a log may have 100,000. */
function linesOf(chunk: LogChunk, matches: readonly LogMatch[], current: number | null): ComponentChildren[] {
  const parts: ComponentChildren[] = [];
  let text = "";
  let next = 0;
  chunk.lines.forEach((line, index) => {
    const first = next;
    while (matches[next]?.line === index) next += 1;
    if (line.kind === "guest" && first === next) {
      text += `${line.text}\n`;
      return;
    }
    parts.push(
      text,
      <div key={index} class={`log-line log-line-${line.kind}`}>
        {marked(line, matches.slice(first, next), current === null ? null : current - first)}
        {"\n"}
      </div>,
    );
    text = "";
  });
  return [...parts, text];
}

function marked(line: LogLine, matches: readonly LogMatch[], current: number | null): ComponentChildren {
  if (matches.length === 0) return line.text;
  const parts: ComponentChildren[] = [];
  let from = 0;
  matches.forEach((match, index) => {
    parts.push(line.text.slice(from, match.from));
    parts.push(
      <mark key={index} class={index === current ? "log-match log-match-current" : "log-match"}>
        {line.text.slice(match.from, match.to)}
      </mark>,
    );
    from = match.to;
  });
  parts.push(line.text.slice(from));
  return parts;
}
