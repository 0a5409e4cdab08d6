/** A table of data: with a caption, sortable by its headings, and a list of cards where the page is narrow. */
import type { ComponentChildren, JSX } from "preact";
import { Icon } from "./icon";
import "./table.css";

export interface Column<Row, Key extends string = string> {
  readonly key: Key;
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** The cell that names the row. */
  readonly isRowHeader?: boolean;
  readonly isNumeric?: boolean;
  /** Whether a click on the heading sorts by it; needs `onSort` of the table. */
  readonly isSortable?: boolean;
}

export interface Sorting<Key extends string = string> {
  readonly key: Key;
  readonly direction: "ascending" | "descending";
}

interface TableProps<Row, Key extends string> {
  /** What the table is, for a screen reader; it is not shown. */
  readonly caption: string;
  readonly columns: readonly Column<Row, Key>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly sorting?: Sorting<Key>;
  readonly onSort?: (key: Key) => void;
}

// The roles are written out: a browser takes them from elements whose `display` the narrow form changes.
export function Table<Row, Key extends string = string>(props: TableProps<Row, Key>): JSX.Element {
  const { caption, columns, rows, rowKey, sorting, onSort } = props;
  return (
    <table class="table" role="table">
      <caption class="visually-hidden">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((column) => (
            <Heading key={column.key} column={column} sorting={sorting} onSort={onSort} />
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={rowKey(row)} role="row">
            {columns.map((column) => (
              <Cell key={column.key} column={column} row={row} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell<Row, Key extends string>({ column, row }: { readonly column: Column<Row, Key>; readonly row: Row }): JSX.Element {
  const look = column.isNumeric === true ? "table-numeric" : undefined;
  if (column.isRowHeader === true) {
    return (
      <th scope="row" role="rowheader" class={look} data-title={column.title}>
        {column.cell(row)}
      </th>
    );
  }
  return (
    <td role="cell" class={look} data-title={column.title}>
      {column.cell(row)}
    </td>
  );
}

interface HeadingProps<Row, Key extends string> {
  readonly column: Column<Row, Key>;
  readonly sorting: Sorting<Key> | undefined;
  readonly onSort: ((key: Key) => void) | undefined;
}

function Heading<Row, Key extends string>({ column, sorting, onSort }: HeadingProps<Row, Key>): JSX.Element {
  const look = column.isNumeric === true ? "table-numeric" : undefined;
  if (column.isSortable !== true || onSort === undefined) {
    return (
      <th scope="col" role="columnheader" class={look}>
        {column.title}
      </th>
    );
  }
  const direction = sorting?.key === column.key ? sorting.direction : "none";
  return (
    <th scope="col" role="columnheader" class={look} aria-sort={direction}>
      <button type="button" class={`table-sort table-sort-${direction}`} onClick={() => onSort(column.key)}>
        {column.title}
        <Icon name={direction === "descending" ? "down" : "up"} />
      </button>
    </th>
  );
}
