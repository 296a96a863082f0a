// What is left of what was charged, over time. Where nobody has said what a model costs, that is said, and not taken for nothing.

import { useMemo, useState, type ReactNode } from "react";

import { useResource } from "../../api/use";
import type { Margins, MarginsOfGroup } from "../../api/types";
import type { parametersOf } from "../../charts/range";
import { colourName, StackedChart, type ChartSeries, type Naming } from "../../charts/stacked";
import { Amount, Card, Choice, Stat } from "../../components/parts";
import { Empty, Loaded } from "../../components/states";
import { Table } from "../../components/table";
import { exact, pico } from "../../money/money";
import { href } from "../../router";
import { formatCompact, formatCount } from "../../time/format";

type Shown = "margin" | "cost" | "spend";
const SHOWN = [["margin", "Margin"], ["cost", "Cost"], ["spend", "Spend"]] as const;
const AMOUNTS: Record<Shown, (group: MarginsOfGroup) => (string | null)[]> = { margin: (group) => group.margins, cost: (group) => group.costs, spend: (group) => group.amounts };

interface Asked {
  parameters: ReturnType<typeof parametersOf>;
  by: "model" | "user" | "key";
  nameOf: Naming;
  what: string;
  everyMs: number;
}

export function Margin({ parameters, by, nameOf, what, everyMs }: Asked): ReactNode {
  const margins = useResource<Margins>("/margin-series", { ...parameters, group_by: by }, everyMs);
  const [shown, setShown] = useState<Shown>("margin");
  return (
    <Card title="Margin over time" aside={<Choice label="What of it" value={shown} options={SHOWN} onChange={setShown} />}>
      <Loaded from={margins} lines={8}>{(data) => {
        if (data.groups.length === 0) return <Empty title="No requests in this time" />;
        return <Known margins={data} shown={shown} by={by} nameOf={nameOf} what={what} />;
      }}</Loaded>
    </Card>
  );
}

function Known({ margins, shown, by, nameOf, what }: { margins: Margins; shown: Shown } & Omit<Asked, "parameters" | "everyMs">): ReactNode {
  const series = useMemo<ChartSeries>(() => ({ ...margins, groups: margins.groups.map((group) => ({ ...group, amounts: AMOUNTS[shown](group) })) }), [margins, shown]);
  const { total } = margins;
  const isCosted = total.cost !== null && total.cost !== undefined;
  const label = SHOWN.find(([name]) => name === shown)?.[1] ?? "";
  return (
    <>
      <dl className="stats">
        <Stat label="Spend" value={<Amount of={total.amount} places={2} />} note="credits charged" />
        <Stat label="Cost" value={<Credits of={total.cost} />} note="what upstreams ask" />
        <Stat label="Margin" value={<Credits of={total.margin} />} note={shareOf(total)} />
      </dl>
      {(total.uncosted_requests > 0 || total.uncosted_tokens > 0) && (
        <p className="notice warn">
          {formatCount(total.uncosted_requests)} requests with {formatCompact(total.uncosted_tokens)} tokens, charged {exact(total.uncosted_amount)} credits, have no cost price. They are
          in the spend, and in neither cost nor margin. <a href={href(["models"])}>Set what models cost</a>
        </p>
      )}
      {!isCosted && shown !== "spend" ? (
        <Empty title="Nothing in this time has a cost price" action={<a className="button" href={href(["models"])}>Choose a model</a>}>
          Say on a model’s page what its upstream asks. It may begin in the past: cost and margin of that time are worked out from it.
        </Empty>
      ) : <StackedChart series={series} title={`${label} by ${by}`} nameOf={nameOf} measures={[["amount", label]]} />}
      <Table caption={`Margin by ${by}`} rows={margins.groups.map((group, place) => ({ group, place }))} rowKey={(row) => String(row.place)} columns={[
        { head: what, isHead: true, cell: ({ group, place }) => <span className="legend"><i className={`swatch c${colourName(place, group).slice(8)}`} />{nameOf(group)}</span> },
        { head: "Spend", numeric: true, cell: ({ group }) => <Amount of={group.total.amount} places={4} /> },
        { head: "Cost", numeric: true, cell: ({ group }) => <Credits of={group.total.cost} places={4} /> },
        { head: "Margin", numeric: true, cell: ({ group }) => <Credits of={group.total.margin} places={4} /> },
        { head: "Without cost price", numeric: true, isMinor: true, cell: ({ group }) => formatCount(group.total.uncosted_requests) },
      ]} />
    </>
  );
}

/** An amount, where it is known. */
function Credits({ of, places = 2 }: { of: string | null | undefined; places?: number }): ReactNode {
  return of === null || of === undefined ? <span className="muted">unknown</span> : <Amount of={of} places={places} />;
}

/** Which part of what was charged is left, of what has a cost price. */
function shareOf({ amount, uncosted_amount, margin }: Margins["total"]): string {
  const charged = pico(amount) - pico(uncosted_amount);
  if (charged <= 0n || margin === null || margin === undefined) return "charged less cost";
  return `${(Number((pico(margin) * 1000n) / charged) / 10).toFixed(1)} % of what has a cost price`;
}
