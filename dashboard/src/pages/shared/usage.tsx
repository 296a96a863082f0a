// One user's usage over time, by model or key.

import { useMemo, useState, type ReactNode } from "react";

import { useResource } from "../../api/use";
import type { Series } from "../../api/types";
import { Groups, nameOfKey, nameOfModel } from "../../charts/groups";
import { parametersOf, RANGES, type Range } from "../../charts/range";
import { StackedChart } from "../../charts/stacked";
import { Card, Choice } from "../../components/parts";
import { Empty, Loaded } from "../../components/states";

type By = "model" | "key";
const BYS = [["model", "By model"], ["key", "By key"]] as const;

export function UserUsage({ userId }: { userId: string }): ReactNode {
  const [range, setRange] = useState<Range>("24h");
  const [by, setBy] = useState<By>("model");
  const parameters = useMemo(() => parametersOf(range), [range]);
  const series = useResource<Series>("/usage-series", { ...parameters, group_by: by, user_id: userId }, 10_000);
  const nameOf = by === "model" ? nameOfModel : nameOfKey;
  return (
    <Card title="Spend over time" aside={<><Choice label="Stretch of time" value={range} options={RANGES} onChange={setRange} /><Choice label="Told apart by" value={by} options={BYS} onChange={setBy} /></>}>
      <Loaded from={series} lines={8}>{(data) => data.groups.length === 0
        ? <Empty title="No requests in this time">Sent with a key of this account, they are here as soon as they have ended.</Empty>
        : (
          <>
            <StackedChart series={data} title={by === "model" ? "Spend by model" : "Spend by key"} nameOf={nameOf} />
            <Groups series={data} nameOf={nameOf} what={by === "model" ? "Model" : "Key"} />
          </>
        )}</Loaded>
    </Card>
  );
}
