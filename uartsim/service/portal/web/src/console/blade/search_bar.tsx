/** Searches what the terminal keeps. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../ui/button";
import type { ConsoleTerminal, SearchQuery, SearchResult } from "../terminal/terminal";
import "./search_bar.css";

interface SearchBarProps {
  readonly terminal: ConsoleTerminal;
  /** Changes when the user asks for the search once more: the field takes the focus. */
  readonly asked: number;
  readonly onClose: () => void;
}

export function SearchBar({ terminal, asked, onClose }: SearchBarProps): JSX.Element {
  const [query, setQuery] = useState<SearchQuery>({ text: "" });
  const [result, setResult] = useState<SearchResult | null>(null);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, [asked]);
  useEffect(() => () => terminal.endSearch(), []);
  const search = (direction: "next" | "previous", sought = query): void => {
    if (sought.text === "") {
      terminal.endSearch();
      setResult(null);
    } else void terminal.search(sought, direction).then(setResult);
  };
  const change = (part: Partial<SearchQuery>): void => {
    const changed = { ...query, ...part };
    setQuery(changed);
    search("previous", changed);
  };
  const keyed = (event: KeyboardEvent): void => {
    if (event.key === "Escape") onClose();
    if (event.key === "Enter" && event.target === field.current) search(event.shiftKey ? "next" : "previous");
  };
  return (
    <div class="search-bar" role="search" aria-label="Search the output" onKeyDown={keyed}>
      <input
        ref={field}
        class="field-control search-field"
        aria-label="Text to search for"
        placeholder="Search"
        autocomplete="off"
        spellcheck={false}
        value={query.text}
        onInput={(event) => change({ text: event.currentTarget.value })}
      />
      <span class="search-result" role="status">
        {resultText(query, result)}
      </span>
      <Button kind="quiet" icon="up" label="Previous match" onClick={() => search("previous")} />
      <Button kind="quiet" icon="down" label="Next match" onClick={() => search("next")} />
      <Button kind="quiet" label="Match case" pressed={query.matchCase === true} onClick={() => change({ matchCase: query.matchCase !== true })}>
        Aa
      </Button>
      <Button kind="quiet" label="Regular expression" pressed={query.regex === true} onClick={() => change({ regex: query.regex !== true })}>
        .*
      </Button>
      <Button kind="quiet" icon="close" label="Close the search" onClick={onClose} />
    </div>
  );
}

function resultText(query: SearchQuery, result: SearchResult | null): string {
  if (query.text === "" || result === null) return "";
  if (result.problem !== null) return result.problem;
  if (result.matches === 0) return "No matches";
  return `${result.current.toLocaleString()} of ${result.matches.toLocaleString()}${result.more ? " or more" : ""}`;
}
