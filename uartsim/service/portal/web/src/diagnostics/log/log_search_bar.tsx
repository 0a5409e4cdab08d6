/** Searching a log: the text, how often it is there, and going from one match to the next. */
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Button } from "../../ui/button";
import { Checkbox } from "../../ui/field";
import type { LogChunk } from "./log_document";
import { LogSearch, type MatchPlace } from "./log_search";

const SETTLED_MS = 150;

interface LogSearchState {
  readonly search: LogSearch | null;
  readonly count: number;
  /** The number of the present match, from 0. */
  readonly number: number;
  readonly place: MatchPlace | null;
  readonly text: string;
  readonly matchCase: boolean;
  setText(text: string): void;
  setMatchCase(matchCase: boolean): void;
  go(step: 1 | -1): void;
}

/** @param onMove called when a match is gone to. */
export function useLogSearch(chunks: readonly LogChunk[], onMove: () => void): LogSearchState {
  const [text, setText] = useState("");
  const [matchCase, setMatchCase] = useState(false);
  const [settled, setSettled] = useState("");
  const [number, setNumber] = useState<number | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => {
      setSettled(text);
      setNumber(text === "" ? null : 0);
      if (text !== "") onMove();
    }, SETTLED_MS);
    return () => clearTimeout(timer);
  }, [text, matchCase]);
  const search = useMemo(() => (settled === "" ? null : new LogSearch(settled, matchCase)), [settled, matchCase]);
  const count = useMemo(() => search?.count(chunks) ?? 0, [search, chunks]);
  const present = Math.min(number ?? 0, Math.max(count - 1, 0));
  const placed = number === null || search === null || count === 0 ? null : search.place(chunks, present);
  const place = useMemo(() => placed, [placed?.chunkId, placed?.index]);
  const go = (step: 1 | -1): void => {
    if (count === 0) return;
    setNumber((present + step + count) % count);
    onMove();
  };
  return { search, count, number: present, place, text, matchCase, setText, setMatchCase, go };
}

export function LogSearchBar({ search }: { readonly search: LogSearchState }): JSX.Element {
  const keyed = (event: KeyboardEvent): void => {
    if (event.key === "Enter") search.go(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") search.setText("");
    else return;
    event.preventDefault();
  };
  return (
    <div class="log-search" role="search" aria-label="Serial log">
      <input
        class="field-control log-search-text"
        type="search"
        aria-label="Search the serial log"
        placeholder="Search"
        spellcheck={false}
        value={search.text}
        onInput={(event) => search.setText(event.currentTarget.value)}
        onKeyDown={keyed}
      />
      <Button icon="up" kind="quiet" label="Previous match" onClick={() => search.go(-1)} />
      <Button icon="down" kind="quiet" label="Next match" onClick={() => search.go(1)} />
      <span class="log-search-count" role="status">
        {countText(search)}
      </span>
      <Checkbox checked={search.matchCase} onChange={search.setMatchCase}>
        Match case
      </Checkbox>
    </div>
  );
}

function countText({ search, count, number }: LogSearchState): string {
  if (search === null) return "";
  return count === 0 ? "No matches" : `${(number + 1).toLocaleString()} of ${count.toLocaleString()}`;
}
