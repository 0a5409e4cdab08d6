/** The frame of a view: the page's main part, with a heading that names it and that takes the focus when the view opens. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import "./view.css";

const PRODUCT = "Azure Serial Console";

let shownAt: string | null = null;

interface ViewProps {
  /** The heading: the name of what is shown. */
  readonly title: string;
  /** Beside the heading: "Virtual machine". */
  readonly kind?: string | undefined;
  /** Below the heading: the toolbar. */
  readonly toolbar?: ComponentChildren;
  readonly children: ComponentChildren;
  /** `false` for a view that gives the focus to something else: the console's terminal. */
  readonly takesFocus?: boolean;
  /** `fill`: exactly as high as the window, so that the view's parts scroll, not the page. */
  readonly height?: "content" | "fill";
}

export function View(props: ViewProps): JSX.Element {
  const { title, kind, toolbar, children, takesFocus = true, height = "content" } = props;
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    document.title = `${kind === undefined ? title : `${title} - ${kind}`} - ${PRODUCT}`;
  }, [title, kind]);
  useEffect(() => {
    // At the first view of the page the browser starts at its top, and nothing has to be moved.
    const isFirst = shownAt === null;
    const hasMoved = shownAt !== location.hash;
    shownAt = location.hash;
    if (isFirst || !hasMoved) return;
    if (takesFocus) heading.current?.focus();
    scrollTo(0, 0);
  }, []);
  return (
    <main id="main" class={`view view-${height}`} tabIndex={-1}>
      <div class="view-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {kind !== undefined && <p class="view-kind">{kind}</p>}
      </div>
      {toolbar}
      {children}
    </main>
  );
}
