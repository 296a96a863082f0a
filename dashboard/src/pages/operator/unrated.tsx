// What waits for a price.

import type { ReactNode } from "react";

import { useResource } from "../../api/use";
import type { UnratedGroups } from "../../api/types";
import { laneName } from "../../charts/timeline";
import { Badge, PageHead, When } from "../../components/parts";
import { Empty, Loaded } from "../../components/states";
import { Table } from "../../components/table";
import { href } from "../../router";
import { formatCompact, formatCount } from "../../time/format";

export function UnratedPage(): ReactNode {
  const groups = useResource<UnratedGroups>("/unrated", {}, 15_000);
  return (
    <>
      <PageHead title="Unrated" lead="Requests that no price covers. They are charged as soon as there is one for their time, and never before." />
      <div className="card flush">
        <Loaded from={groups} lines={5}>{({ data, has_more: hasMore }) => data.length === 0
          ? <Empty title="Nothing waits for a price">Every request in the books is charged, free or void.</Empty>
          : (
            <>
              <Table caption="Unrated requests" rows={data} rowKey={(row) => JSON.stringify([row.user_id, row.model_id, row.model, row.purpose, row.completion_window])} columns={[
                { head: "Model", isHead: true, cell: (row) => (row.model_id ? <a href={href(["models", row.model_id])}>{row.model}</a> : <>{row.model ?? "no model"} <Badge tone="warn">unknown</Badge></>) },
                { head: "User", cell: (row) => (row.user_id ? <a href={href(["users", row.user_id])}>{row.user_name}</a> : <span className="muted">nobody</span>) },
                { head: "For", cell: (row) => laneName({ purpose: row.purpose ?? "realtime", completion_window: row.completion_window }) },
                { head: "Requests", numeric: true, cell: (row) => formatCount(row.requests) },
                { head: "Tokens", numeric: true, isMinor: true, cell: (row) => `${formatCompact(row.prompt_tokens)} in, ${formatCompact(row.completion_tokens)} out` },
                { head: "Oldest", cell: (row) => <When at={row.oldest_at} relative /> },
                { head: "Newest", isMinor: true, cell: (row) => <When at={row.newest_at} relative /> },
              ]} />
              {hasMore && <p className="more muted">There are more groups. They are seen once these have prices.</p>}
            </>
          )}</Loaded>
      </div>
    </>
  );
}
