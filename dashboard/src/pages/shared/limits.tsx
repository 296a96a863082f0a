// Limits and spend caps: what they are, how much of each cap is used, and how they are set.

import { useState, type SubmitEvent, type ReactNode } from "react";

import { call, path } from "../../api/client";
import { useAction, usePages, useResource } from "../../api/use";
import type { ApiKey, LimitSettings, Limited, Limits, Listing } from "../../api/types";
import { Dialog } from "../../components/dialog";
import { Amount, Button, Field } from "../../components/parts";
import { Empty, ErrorState, Loaded } from "../../components/states";
import { More, Table, type Column } from "../../components/table";
import { exact, parse, toChart, toDecimal } from "../../money/money";
import { formatCount } from "../../time/format";

/** Whose limits, and where they are set. */
export interface Subject {
  name: string;
  route: string;
  hasCaps: boolean;
  limits: Limits | null;
}

const COUNTS = [["requests_per_minute", "Requests a minute"], ["tokens_per_minute", "Tokens a minute"], ["concurrent_requests", "Requests at once"]] as const;
const CAPS = [["daily_cap", "daily_used", "Credits a day"], ["weekly_cap", "weekly_used", "Credits a week"], ["monthly_cap", "monthly_used", "Credits a month"]] as const;
type Count = (typeof COUNTS)[number][0];
type Cap = (typeof CAPS)[number][0];

/** How much of a cap is used: as a bar, and in words for whoever does not see it. */
export function CapMeter({ used, cap, label }: { used: string; cap: string; label: string }): ReactNode {
  const part = toChart(cap) > 0 ? Math.min(1, Math.max(0, toChart(used) / toChart(cap))) : 1;
  return (
    <span className={part >= 1 ? "cap full" : part >= 0.8 ? "cap near" : "cap"}>
      <span><Amount of={used} places={2} /> <span className="muted">of</span> <Amount of={cap} /></span>
      <meter aria-label={label} min={0} max={1} value={part}>{Math.round(part * 100)} %</meter>
    </span>
  );
}

function capCell(limits: Limits | null | undefined, cap: Cap, used: (typeof CAPS)[number][1], label: string): ReactNode {
  const most = limits?.[cap];
  return most ? <CapMeter cap={most} used={limits[used] ?? "0"} label={label} /> : <span className="muted">–</span>;
}

/** The caps of a user, for the head of a page. */
export function CapsInForce({ limits }: { limits: Limits | null | undefined }): ReactNode {
  const caps = CAPS.flatMap(([cap, used, label]) => (limits?.[cap] ? [{ cap, used, label }] : []));
  if (caps.length === 0) return null;
  return (
    <dl className="caps">
      {caps.map(({ cap, used, label }) => <div key={cap}><dt>{label.replace("Credits a", "This")}</dt><dd>{capCell(limits, cap, used, label)}</dd></div>)}
    </dl>
  );
}

interface Row {
  subject: Subject;
  id: string;
}

/** Of a user, and of each of its keys. */
export function UserLimits({ userId, name, mayChange }: { userId: string; name: string; mayChange: boolean }): ReactNode {
  const limits = usePages<Limited>("/limits", { user_id: userId, of: "key", limit: 500 });
  const own = useResource<Listing<Limited>>("/limits", { user_id: userId, of: "user" });
  const keys = usePages<ApiKey>("/api-keys", { user_id: userId });
  const [changed, setChanged] = useState<Subject | null>(null);
  const ofKeys = new Map(limits.data?.map((row) => [row.id, row]));
  const all: Row = { id: userId, subject: { name: "All keys together", route: path`/users/${userId}/limits`, hasCaps: true, limits: own.data?.data[0]?.limits ?? null } };
  const rows: Row[] = [all, ...(keys.data ?? []).map((key) => ({
    id: key.id,
    subject: { name: key.name === "" ? `${key.prefix}…` : key.name, route: path`/api-keys/${key.id}/limits`, hasCaps: true, limits: ofKeys.get(key.id)?.limits ?? null },
  }))];
  const count = (kind: Count) => (row: Row): ReactNode => {
    const most = row.subject.limits?.[kind];
    return most ? formatCount(most) : <span className="muted">–</span>;
  };
  const columns: Column<Row>[] = [
    { head: "Of", isHead: true, cell: (row) => row.subject.name },
    ...COUNTS.map(([kind, head]) => ({ head, numeric: true, isMinor: true, cell: count(kind) })),
    ...CAPS.map(([cap, used, head]) => ({ head, cell: (row: Row) => capCell(row.subject.limits, cap, used, `${head} of ${row.subject.name}`) })),
    ...(mayChange ? [{ head: "Do", cell: (row: Row) => <button type="button" className="quiet" onClick={() => { setChanged(row.subject); }}>Change<span className="unseen"> the limits of {row.subject.name}</span></button> }] : []),
  ];
  return (
    <>
      <div className="card flush">
        <Loaded from={limits} lines={3}>{() => <Loaded from={own} lines={3}>{() => <Loaded from={keys} lines={3}>{() => rows.length === 1 && all.subject.limits === null && !mayChange
          ? <Empty title="No limits">Nothing but the balance limits what is asked and spent.</Empty>
          : <><Table caption="Limits and spend caps" rows={rows} rowKey={(row) => row.id} columns={columns} /><More pages={keys} /></>}</Loaded>}</Loaded>}</Loaded>
      </div>
      <p className="muted small">Days, weeks from Monday, and months are of UTC. Caps are of all gateways together; the other limits are each gateway's own.</p>
      {changed && <SetLimits subject={{ ...changed, name: changed.route === all.subject.route ? name : changed.name }} onClose={() => { setChanged(null); }} onDone={() => { setChanged(null); limits.reload(); own.reload(); }} />}
    </>
  );
}

type Typed = Record<Count | Cap, string>;

const typedFrom = (limits: Limits | null): Typed => Object.fromEntries([...COUNTS.map(([kind]) => [kind, String(limits?.[kind] ?? "")]), ...CAPS.map(([cap]) => [cap, limits?.[cap] ?? ""])]) as Typed;

/** What was typed, as the API takes it; `undefined` where it is none. Nothing typed is no limit. */
function countOf(text: string): number | null | undefined {
  if (text.trim() === "") return null;
  return /^[1-9]\d{0,14}$/.test(text.trim()) ? Number(text) : undefined;
}

function capOf(text: string): string | null | undefined {
  if (text.trim() === "") return null;
  const value = parse(text);
  return value === null || value < 0n ? undefined : toDecimal(value);
}

interface Change {
  label: string;
  before: string;
  after: string;
}

/** Changes limits in two steps: what is meant, and whether it is meant. */
export function SetLimits({ subject, onDone, onClose }: { subject: Subject; onDone: () => void; onClose: () => void }): ReactNode {
  const [typed, setTyped] = useState(() => typedFrom(subject.limits));
  const [isSure, setSure] = useState(false);
  const caps = subject.hasCaps ? CAPS : [];
  const settings: LimitSettings = {};
  const changes: Change[] = [];
  let isRight = true;
  for (const [kind, label] of COUNTS) {
    const [before, after] = [subject.limits?.[kind] ?? null, countOf(typed[kind])];
    if (after === undefined) isRight = false;
    else if (after !== before) {
      settings[kind] = after;
      changes.push({ label, before: before === null ? "no limit" : formatCount(before), after: after === null ? "no limit" : formatCount(after) });
    }
  }
  for (const [cap, , label] of caps) {
    const [before, after] = [subject.limits?.[cap] ?? null, capOf(typed[cap])];
    if (after === undefined) isRight = false;
    else if (after !== before) {
      settings[cap] = after;
      changes.push({ label, before: before === null ? "no cap" : exact(before), after: after === null ? "no cap" : exact(after) });
    }
  }
  const save = useAction(async () => {
    await call<Limits>("PATCH", subject.route, { body: settings });
    onDone();
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (isRight && changes.length > 0) setSure(true);
  };
  if (isSure) {
    return (
      <Dialog title="Change these limits?" onClose={onClose}>
        <dl className="sums">
          <div><dt>Of</dt><dd>{subject.name}</dd></div>
          {changes.map((change) => <div key={change.label}><dt>{change.label}</dt><dd className="number">{change.before} → {change.after}</dd></div>)}
        </dl>
        <p className="muted small">In force at every gateway within a second, for the next request. Requests that run go on.</p>
        {save.problem && <ErrorState problem={save.problem} />}
        <div className="dialog-foot"><Button onClick={() => { setSure(false); save.reset(); }}>Back</Button><Button kind="primary" busy={save.isBusy} onClick={save.run}>Change limits</Button></div>
      </Dialog>
    );
  }
  const field = (name: Count | Cap, label: string, error: string | null): ReactNode => (
    <Field key={name} label={label} error={error}>{(props) => <input {...props} className="number" inputMode="decimal" autoComplete="off" placeholder="none" value={typed[name]} onChange={(event) => { setTyped({ ...typed, [name]: event.target.value }); }} />}</Field>
  );
  return (
    <Dialog title={`Limits of ${subject.name}`} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <p className="muted small">Left empty, there is none.</p>
        <div className="columns tight">{COUNTS.map(([kind, label]) => field(kind, label, countOf(typed[kind]) === undefined ? "A whole number from 1." : null))}</div>
        {caps.length > 0 && <div className="columns tight">{caps.map(([cap, , label]) => field(cap, label, capOf(typed[cap]) === undefined ? "A decimal from zero." : null))}</div>}
        <div className="dialog-foot"><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit" disabled={!isRight || changes.length === 0}>Continue</Button></div>
      </form>
    </Dialog>
  );
}
