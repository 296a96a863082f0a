// A user's ledger: every change of the balance with the balance after it, filtered, page by page, as a file. A batch is one line, which opens.

import { useDeferredValue, useState, type ReactNode } from "react";

import { get, path, type Query } from "../../api/client";
import { useAction, usePages, useResource } from "../../api/use";
import type { ApiKey, Entry, Listing } from "../../api/types";
import { Icon } from "../../components/icon";
import { Amount, Badge, Button, Field, When } from "../../components/parts";
import { Empty, ErrorState, Loaded } from "../../components/states";
import { More, Table } from "../../components/table";
import { csv, download } from "../../money/csv";
import { formatCount } from "../../time/format";
import { ReceiptDialog } from "./receipt";

const TYPES = [["", "Everything"], ["usage", "Usage"], ["admin_grant", "Grants"], ["purchase", "Purchases"], ["refund", "Refunds"], ["adjustment", "Adjustments"], ["admin_removal", "Removals"], ["expiry", "Expiries"]] as const;
/** Most entries of a file: a spreadsheet's own end is not far beyond. */
const MOST_ROWS = 50_000;
const PAGE = 500;

export function Ledger({ userId, name }: { userId: string; name: string }): ReactNode {
  const [type, setType] = useState("");
  const [key, setKey] = useState("");
  const [since, setSince] = useState("");
  const [until, setUntil] = useState("");
  const [search, setSearch] = useState("");
  const [inLines, setInLines] = useState(true);
  const [opened, setOpened] = useState<Entry | null>(null);
  const [receipt, setReceipt] = useState<string | null>(null);
  const keys = useResource<Listing<ApiKey>>("/api-keys", { user_id: userId, with_revoked: true, limit: 500 });
  const filters: Query = { type, api_key_id: key, since: startOf(since), until: endOf(until), search: useDeferredValue(search) };
  const line = opened?.line?.id;
  // A file has every entry by itself.
  const query: Query = line === undefined ? filters : { ...filters, line };
  // Not read again by itself: each look reads all of the user's entries, because the running balance is their sum.
  const entries = usePages<Entry>(path`/users/${userId}/ledger`, line === undefined ? { ...query, in_lines: inLines || null } : query);
  const [isCut, setCut] = useState(false);
  const save = useAction(async () => { setCut(await saveAll(userId, name, query)); });
  return (
    <>
      <div className="filters" role="search" aria-label="Filter the ledger">
        <Field label="Kind">{(field) => <select {...field} value={type} onChange={(event) => { setType(event.target.value); }}>{TYPES.map(([value, label]) => <option key={value} value={value}>{label}</option>)}</select>}</Field>
        <Field label="Key">{(field) => (
          <select {...field} value={key} onChange={(event) => { setKey(event.target.value); }}>
            <option value="">Any key</option>
            {keys.data?.data.map((one) => <option key={one.id} value={one.id}>{one.name === "" ? `${one.prefix}…` : one.name}</option>)}
          </select>
        )}</Field>
        <Field label="From">{(field) => <input {...field} type="date" value={since} onChange={(event) => { setSince(event.target.value); }} />}</Field>
        <Field label="To">{(field) => <input {...field} type="date" value={until} onChange={(event) => { setUntil(event.target.value); }} />}</Field>
        <Field label="Search">{(field) => <input {...field} type="search" placeholder="Model, reason, batch…" value={search} onChange={(event) => { setSearch(event.target.value); }} />}</Field>
        <label className="check"><input type="checkbox" checked={inLines} disabled={opened !== null} onChange={(event) => { setInLines(event.target.checked); }} />A batch in one line</label>
        <Button onClick={entries.reload}>Refresh</Button>
        <Button busy={save.isBusy} onClick={save.run}><Icon name="download" />{save.isBusy ? "Collecting…" : "CSV"}</Button>
      </div>
      {save.problem && <ErrorState problem={save.problem} />}
      <p role="status" className={isCut ? "notice bad" : "unseen"}>{isCut ? `The file ends after ${formatCount(MOST_ROWS)} entries: choose a shorter time for the rest.` : ""}</p>
      {opened?.line && (
        <div className="notice" role="status">
          <div><strong>{formatCount(opened.line.entries)} requests of a batch for {opened.model ?? "an unknown model"}</strong><p>From <When at={opened.line.first_at} /> to <When at={opened.created_at} />, <Amount of={opened.amount} /> in all.</p></div>
          <Button onClick={() => { setOpened(null); }}>Close the batch</Button>
        </div>
      )}
      <div className="card flush">
        <Loaded from={entries} lines={10}>{(rows) => rows.length === 0
          ? <Empty title="No entries">{type === "" && search === "" && since === "" && until === "" && key === "" ? "Credits that are given and requests that are charged are here." : "Nothing meets these filters."}</Empty>
          : (
            <>
              <Table caption="Ledger, newest first" rows={rows} rowKey={(entry) => entry.id} columns={[
                { head: "When", isHead: true, cell: (entry) => <When at={entry.created_at} /> },
                { head: "What", cell: (entry) => <span className="what"><Badge tone={entry.type === "usage" ? "plain" : "accent"}>{entry.type.replaceAll("_", " ")}</Badge> <span>{entry.type === "usage" ? (entry.model ?? "unknown model") : entry.description}</span>{entry.line && <span className="muted">{formatCount(entry.line.entries)} requests of a batch</span>}</span> },
                { head: "Amount", numeric: true, cell: (entry) => <Amount of={entry.amount} signed /> },
                { head: "Balance after", numeric: true, cell: (entry) => <Amount of={entry.balance_after} /> },
                { head: "Receipt", cell: (entry) => (entry.line ? <button type="button" className="quiet" onClick={() => { setOpened(entry); }}>Open<span className="unseen"> the batch for {entry.model ?? "an unknown model"} until {entry.created_at}</span></button> : entry.request_id ? <ReceiptButton entry={entry} open={setReceipt} /> : <span className="muted">–</span>) },
              ]} />
              <More pages={entries} />
            </>
          )}</Loaded>
      </div>
      {receipt !== null && <ReceiptDialog requestId={receipt} onClose={() => { setReceipt(null); }} />}
    </>
  );
}

function ReceiptButton({ entry, open }: { entry: Entry; open: (id: string) => void }): ReactNode {
  return <button type="button" className="quiet" onClick={() => { open(entry.request_id ?? ""); }}><Icon name="receipt" /><span className="unseen">Receipt of {entry.model ?? "the request"} at {entry.created_at}</span><span aria-hidden="true">Show</span></button>;
}

/** Answers whether there was more than a file holds. */
async function saveAll(userId: string, name: string, query: Query): Promise<boolean> {
  const rows: Entry[] = [];
  let cursor: string | null = null;
  do {
    const page: Listing<Entry> = await get<Listing<Entry>>(path`/users/${userId}/ledger`, { ...query, limit: PAGE, cursor });
    rows.push(...page.data);
    cursor = page.next_cursor ?? null;
  } while (cursor !== null && rows.length < MOST_ROWS);
  const head = ["created_at", "type", "amount", "balance_after", "model", "description", "source_id", "request_id", "api_key_id", "batch_id"];
  const text = csv(head, rows.map((row) => [row.created_at, row.type, row.amount, row.balance_after, row.model ?? "", row.description, row.source_id, row.request_id ?? "", row.api_key_id ?? "", row.batch_id ?? ""]));
  download(`ledger-${name.replace(/[^\p{L}\p{N}_-]+/gu, "-").slice(0, 60)}.csv`, text);
  return cursor !== null;
}

/** A day that was picked, in the time zone of whoever picked it. */
function startOf(day: string): string | null {
  return day === "" ? null : new Date(`${day}T00:00:00`).toISOString();
}

function endOf(day: string): string | null {
  if (day === "") return null;
  const next = new Date(`${day}T00:00:00`);
  next.setDate(next.getDate() + 1);
  return next.toISOString();
}
