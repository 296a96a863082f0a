// The groups of a chart as a table: its legend, with sums.

import type { ReactNode } from "react";

import type { Series, SeriesOfGroup } from "../api/types";
import { Amount } from "../components/parts";
import { Table } from "../components/table";
import { formatCompact, formatCount } from "../time/format";
import { colourName, type Named, type Naming } from "./stacked";

export function Groups({ series, nameOf, what, linkOf }: { series: Series; nameOf: Naming; what: string; linkOf?: (group: SeriesOfGroup) => string | null }): ReactNode {
  const rows = series.groups.map((group, place) => ({ group, place }));
  const name = (group: SeriesOfGroup): ReactNode => {
    const to = linkOf?.(group) ?? null;
    return to === null ? nameOf(group) : <a href={to}>{nameOf(group)}</a>;
  };
  return (
    <Table caption={`Sums by ${what.toLowerCase()}`} rows={rows} rowKey={(row) => String(row.place)} columns={[
      { head: what, isHead: true, cell: ({ group, place }) => <span className="legend"><i className={`swatch c${colourName(place, group).slice(8)}`} />{name(group)}</span> },
      { head: "Spend", numeric: true, cell: ({ group }) => <Amount of={group.total.amount} places={4} /> },
      { head: "Requests", numeric: true, cell: ({ group }) => formatCount(group.total.requests) },
      { head: "Failed", numeric: true, isMinor: true, cell: ({ group }) => formatCount(group.total.failed_requests) },
      { head: "Tokens in", numeric: true, isMinor: true, cell: ({ group }) => formatCompact(group.total.prompt_tokens) },
      { head: "Tokens out", numeric: true, isMinor: true, cell: ({ group }) => formatCompact(group.total.completion_tokens) },
    ]} />
  );
}

export function nameOfModel(group: Named): string {
  return rest(group, "models") ?? group.name ?? "no model";
}

export function nameOfUser(group: Named): string {
  return rest(group, "users") ?? group.name ?? "nobody";
}

export function nameOfKey(group: Named): string {
  const own = group.name === null || group.name === undefined || group.name === "" ? null : group.name;
  return rest(group, "keys") ?? own ?? (group.prefix ? `${group.prefix}…` : "no key");
}

function rest(group: Named, what: string): string | null {
  return group.others === null || group.others === undefined ? null : `${formatCount(group.others)} other ${what}`;
}
