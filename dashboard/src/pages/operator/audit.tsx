// Who changed what.

import { useDeferredValue, useState, type ReactNode } from "react";

import { usePages } from "../../api/use";
import type { AuditEntry } from "../../api/types";
import { Badge, Field, PageHead, When } from "../../components/parts";
import { Empty, Loaded } from "../../components/states";
import { More, Table } from "../../components/table";

const ACTIONS = [["", "Everything"], ["credit.", "Credits"], ["user.", "Users"], ["key.", "Keys"], ["endpoint.", "Endpoints"], ["model.", "Models"], ["tariff.", "Prices"], ["quarantine.", "Quarantine"]] as const;

export function AuditLog(): ReactNode {
  const [action, setAction] = useState("");
  const [subject, setSubject] = useState("");
  const [actor, setActor] = useState("");
  const changes = usePages<AuditEntry>("/audit-log", { action, subject: useDeferredValue(subject), actor: useDeferredValue(actor) });
  return (
    <>
      <PageHead title="Audit log" lead="Every change of configuration, and of money by hand. Nobody can take a line back." />
      <div className="filters" role="search" aria-label="Filter the log">
        <Field label="What">{(field) => <select {...field} value={action} onChange={(event) => { setAction(event.target.value); }}>{ACTIONS.map(([value, label]) => <option key={value} value={value}>{label}</option>)}</select>}</Field>
        <Field label="To whom or what">{(field) => <input {...field} type="search" placeholder="Whole name or id" value={subject} onChange={(event) => { setSubject(event.target.value); }} />}</Field>
        <Field label="By whom">{(field) => <input {...field} type="search" placeholder="cli, key:… or user:…" value={actor} onChange={(event) => { setActor(event.target.value); }} />}</Field>
      </div>
      <div className="card flush">
        <Loaded from={changes} lines={8}>{(rows) => rows.length === 0
          ? <Empty title="No changes">{action === "" && subject === "" && actor === "" ? "What is changed from now on is here." : "Nothing meets these filters."}</Empty>
          : (
            <>
              <Table caption="Changes, newest first" rows={rows} rowKey={(change) => change.id} columns={[
                { head: "When", isHead: true, cell: (change) => <When at={change.at} /> },
                { head: "What", cell: (change) => <Badge tone="accent">{change.action}</Badge> },
                { head: "To", cell: (change) => change.subject },
                { head: "By", cell: (change) => <code>{change.actor}</code> },
                { head: "Details", cell: (change) => <Details change={change} /> },
              ]} />
              <More pages={changes} />
            </>
          )}</Loaded>
      </div>
    </>
  );
}

function Details({ change }: { change: AuditEntry }): ReactNode {
  if (!change.before && !change.after) return <span className="muted">–</span>;
  return (
    <details>
      <summary>Before and after</summary>
      <div className="diff">
        {change.before ? <pre tabIndex={0} aria-label="Before">{JSON.stringify(change.before, null, 2)}</pre> : null}
        {change.after ? <pre tabIndex={0} aria-label="After">{JSON.stringify(change.after, null, 2)}</pre> : null}
      </div>
    </details>
  );
}
