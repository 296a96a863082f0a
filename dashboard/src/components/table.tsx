// Tables as tables, which scroll sideways by themselves where there is no room.

import type { ReactNode } from "react";

import type { Pages } from "../api/use";
import { Button } from "./parts";
import { ErrorState } from "./states";

export interface Column<T> {
  head: string;
  cell: (row: T) => ReactNode;
  /** Numbers stand at the right. */
  numeric?: boolean;
  /** What the row is about: read out with each of its cells. */
  isHead?: boolean;
  /** Not shown where there is little room. */
  isMinor?: boolean;
}

export function Table<T>({ caption, columns, rows, rowKey }: { caption: string; columns: readonly Column<T>[]; rows: readonly T[]; rowKey: (row: T) => string }): ReactNode {
  const classOf = (column: Column<T>): string => [column.numeric ? "numeric" : "", column.isMinor ? "minor" : ""].join(" ").trim();
  return (
    <div className="table" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption className="unseen">{caption}</caption>
        <thead>
          <tr>{columns.map((column) => <th key={column.head} scope="col" className={classOf(column)}>{column.head}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((column) => column.isHead
                ? <th key={column.head} scope="row" className={classOf(column)}>{column.cell(row)}</th>
                : <td key={column.head} className={classOf(column)}>{column.cell(row)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The end of a list that has more. */
export function More<T>({ pages }: { pages: Pages<T> }): ReactNode {
  const shown = pages.data?.length ?? 0;
  return (
    <div className="more">
      <p aria-live="polite" className="muted">{shown} shown{pages.hasMore ? "" : ", all there are"}</p>
      {pages.hasMore && <Button busy={pages.isLoadingMore} onClick={pages.more}>{pages.isLoadingMore ? "Loading…" : "Show more"}</Button>}
      {pages.data !== null && pages.problem && <ErrorState problem={pages.problem} />}
    </div>
  );
}
