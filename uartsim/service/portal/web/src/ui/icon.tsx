/** The page's own pictograms: lines on a grid of 16 by 16, in the colour of the text beside them. */
import type { JSX } from "preact";

const PATHS = {
  alert: "M8 2.2 14.4 13.5H1.6ZM8 6.5v3.2M8 11.4v.4",
  check: "M3 8.5 6.5 12 13 4.5",
  clear: "M6 2.5h4M2.5 4.5h11M4 4.5l.7 9h6.6l.7-9M6.8 7v4M9.2 7v4",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  console: "M1.5 2.5h13v11h-13ZM4 6l2.2 2L4 10M8 10.5h3.5",
  copy: "M5.5 5.5h8v8h-8ZM10.5 5.5v-3h-8v8h3",
  diagnose: "M1.5 8.5h3l2-5 3 9 2-4h3",
  down: "M3.5 6 8 10.5 12.5 6",
  download: "M8 2v8M4.5 6.5 8 10l3.5-3.5M2.5 13.5h11",
  external: "M9 2.5h4.5V7M13.5 2.5 7.5 8.5M11.5 9.5v4h-9v-9h4",
  eye: "M1.5 8C3.5 4.8 5.6 3.5 8 3.5S12.5 4.8 14.5 8c-2 3.2-4.1 4.5-6.5 4.5S3.5 11.2 1.5 8ZM8 6a2 2 0 1 0 0 4 2 2 0 0 0 0-4Z",
  filter: "M2 3h12L9.5 8.5v5l-3-1.5V8.5Z",
  fit: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4M5 8h6M8 5v6",
  help: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM6 6.3C6 5 6.9 4.3 8 4.3s2 .7 2 1.8c0 1.5-2 1.7-2 3.2M8 11.2v.4",
  info: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM8 7v4.3M8 4.5v.4",
  keyboard: "M1.5 4h13v8.5h-13ZM4 6.7h.5M6.7 6.7h.6M9.4 6.7h.6M11.9 6.7h.4M4.5 9.8h7",
  list: "M5.5 4h8.5M5.5 8h8.5M5.5 12h8.5M2 4h.6M2 8h.6M2 12h.6",
  lock: "M3.5 7h9v6.5h-9ZM5.5 7V5a2.5 2.5 0 0 1 5 0v2",
  more: "M3 8h.6M7.7 8h.6M12.4 8h.6",
  paste: "M5.5 3.5h-2v10h9v-10h-2M5.5 2h5v3h-5ZM6 8h4M6 10.5h4",
  password: "M5.5 6.5a3 3 0 1 0 .1 4.4L7 9.5h1.5V8H10V6.5h4v2",
  power: "M8 1.8v6M4.8 4.2a5 5 0 1 0 6.4 0",
  refresh: "M13 8a5 5 0 1 1-1.6-3.7M13 2.2v3h-3",
  restart: "M3 8a5 5 0 1 0 1.6-3.7M3 2.2v3h3",
  scale_set: "M1.5 1.5h8v7h-8ZM12 4v7H4M14.5 6.5v7h-8",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.3 10.3 14 14",
  settings: "M2 4.5h6M11.5 4.5H14M2 11.5h2.5M8 11.5h6M9.7 2.9v3.2M6.2 9.9v3.2",
  start: "M4.5 2.5 13 8l-8.5 5.5Z",
  stop: "M3.5 3.5h9v9h-9Z",
  subscription: "M5.5 6.5a3 3 0 1 1 2.8 3L7 11H5.5v1.5H4V14H2v-2.5l4-4ZM10 5.5v.4",
  text_size: "M1.5 13 5.5 3l4 10M2.9 9.5h5.2M10.3 13l2.1-5.5 2.1 5.5M11 11h2.8",
  text_smaller: "M4.5 13 8 4.5l3.5 8.5M5.7 10h4.6",
  theme: "M8 1.5a6.5 6.5 0 1 0 0 13ZM8 1.5a6.5 6.5 0 0 1 0 13M10.5 4v8M12.7 5.7v4.6",
  up: "M3.5 10 8 5.5l4.5 4.5",
  user: "M8 2a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM2.5 14c.4-3 2.6-4.3 5.5-4.3s5.1 1.3 5.5 4.3",
  virtual_machine: "M1.5 2.5h13v8.5h-13ZM8 11v2.5M4.5 13.5h7",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
