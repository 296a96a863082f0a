// The keys of a user: made, replaced with an overlap, ended. A secret is shown this once.

import { useState, type SubmitEvent, type ReactNode } from "react";

import { path, post } from "../../api/client";
import { useAction, usePages } from "../../api/use";
import type { ApiKey, NewKeyWithSecret } from "../../api/types";
import { Confirm, Dialog } from "../../components/dialog";
import { Icon } from "../../components/icon";
import { Badge, Button, Code, Field, When } from "../../components/parts";
import { Empty, ErrorState, Loaded } from "../../components/states";
import { More, Table } from "../../components/table";

const OVERLAPS = [["0", "End the old key at once"], ["3600", "Both work for an hour"], ["86400", "Both work for a day"], ["604800", "Both work for a week"]] as const;

export function Keys({ userId, mayManage, isManager }: { userId: string; mayManage: boolean; isManager: boolean }): ReactNode {
  const [withRevoked, setWithRevoked] = useState(false);
  const [doing, setDoing] = useState<{ what: "new" } | { what: "rotate" | "revoke"; key: ApiKey } | { what: "secret"; made: NewKeyWithSecret } | null>(null);
  const keys = usePages<ApiKey>("/api-keys", { user_id: userId, with_revoked: withRevoked || null });
  const close = (): void => { setDoing(null); };
  const made = (key: NewKeyWithSecret): void => {
    keys.reload();
    setDoing({ what: "secret", made: key });
  };
  return (
    <>
      <div className="filters">
        <label className="check"><input type="checkbox" checked={withRevoked} onChange={(event) => { setWithRevoked(event.target.checked); }} />With revoked keys</label>
        {mayManage && <Button kind="primary" onClick={() => { setDoing({ what: "new" }); }}><Icon name="plus" />New key</Button>}
      </div>
      <div className="card flush">
        <Loaded from={keys} lines={4}>{(rows) => rows.length === 0
          ? <Empty title="No keys">A key is what requests are sent with, and charged by.</Empty>
          : (
            <>
              <Table caption="API keys" rows={rows} rowKey={(key) => key.id} columns={[
                { head: "Key", isHead: true, cell: (key) => <span className="two"><span>{key.name === "" ? "Without a name" : key.name}</span><code>{key.prefix}…</code></span> },
                { head: "For", cell: (key) => <>{key.purpose}{key.role ? <Badge tone="accent">{key.role.replaceAll("_", " ")}</Badge> : null}</> },
                { head: "Made", isMinor: true, cell: (key) => <When at={key.created_at} relative /> },
                { head: "State", cell: (key) => (key.revoked_at ? <Badge>revoked</Badge> : key.revoke_at ? <Badge tone="warn">ends <When at={key.revoke_at} relative /></Badge> : <Badge tone="good">live</Badge>) },
                ...(mayManage ? [{ head: "Do", cell: (key: ApiKey) => (key.revoked_at || (!isManager && key.role) ? <span className="muted">–</span> : <KeyActions apiKey={key} rotate={() => { setDoing({ what: "rotate", key }); }} revoke={() => { setDoing({ what: "revoke", key }); }} />) }] : []),
              ]} />
              <More pages={keys} />
            </>
          )}</Loaded>
      </div>
      {doing?.what === "new" && <NewKey userId={userId} isManager={isManager} onMade={made} onClose={close} />}
      {doing?.what === "rotate" && <Rotate apiKey={doing.key} onMade={made} onClose={close} />}
      {doing?.what === "revoke" && <Revoke apiKey={doing.key} onDone={() => { close(); keys.reload(); }} onClose={close} />}
      {doing?.what === "secret" && <Secret made={doing.made} onClose={close} />}
    </>
  );
}

const nameOf = (key: ApiKey): string => (key.name === "" ? `${key.prefix}…` : key.name);

function KeyActions({ apiKey, rotate, revoke }: { apiKey: ApiKey; rotate: () => void; revoke: () => void }): ReactNode {
  return (
    <span className="row-actions">
      <button type="button" className="quiet" onClick={rotate}>Replace<span className="unseen"> {nameOf(apiKey)}</span></button>
      <button type="button" className="quiet" onClick={revoke}>Revoke<span className="unseen"> {nameOf(apiKey)}</span></button>
    </span>
  );
}

function NewKey({ userId, isManager, onMade, onClose }: { userId: string; isManager: boolean; onMade: (key: NewKeyWithSecret) => void; onClose: () => void }): ReactNode {
  const [name, setName] = useState("");
  const [purpose, setPurpose] = useState("realtime");
  const make = useAction(async () => { onMade(await post<NewKeyWithSecret>("/api-keys", { user_id: userId, name, purpose })); });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    make.run();
  };
  return (
    <Dialog title="New key" onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <Field label="Name" hint="To tell keys apart: where it is used, say.">{(field) => <input {...field} maxLength={200} value={name} onChange={(event) => { setName(event.target.value); }} />}</Field>
        {isManager && (
          <Field label="For" hint="It decides which prices apply.">{(field) => (
            <select {...field} value={purpose} onChange={(event) => { setPurpose(event.target.value); }}>
              {["realtime", "batch", "playground", "platform"].map((one) => <option key={one}>{one}</option>)}
            </select>
          )}</Field>
        )}
        {make.problem && <ErrorState problem={make.problem} />}
        <div className="dialog-foot"><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit" busy={make.isBusy}>Make key</Button></div>
      </form>
    </Dialog>
  );
}

function Rotate({ apiKey, onMade, onClose }: { apiKey: ApiKey; onMade: (key: NewKeyWithSecret) => void; onClose: () => void }): ReactNode {
  const [overlap, setOverlap] = useState("86400");
  const rotate = useAction(async () => { onMade(await post<NewKeyWithSecret>(path`/api-keys/${apiKey.id}/rotate`, { overlap_seconds: Number(overlap) })); });
  return (
    <Confirm title={`Replace ${nameOf(apiKey)}?`} action="Replace key" busy={rotate.isBusy} problem={rotate.problem} onConfirm={rotate.run} onClose={onClose}>
      <p>A new key of the same kind is made. The old one ends after an overlap, in which you can change over.</p>
      <Field label="Overlap">{(field) => <select {...field} value={overlap} onChange={(event) => { setOverlap(event.target.value); }}>{OVERLAPS.map(([value, label]) => <option key={value} value={value}>{label}</option>)}</select>}</Field>
    </Confirm>
  );
}

function Revoke({ apiKey, onDone, onClose }: { apiKey: ApiKey; onDone: () => void; onClose: () => void }): ReactNode {
  const revoke = useAction(async () => {
    await post(path`/api-keys/${apiKey.id}/revoke`);
    onDone();
  });
  return (
    <Confirm title={`Revoke ${nameOf(apiKey)}?`} action="Revoke key" kind="danger" busy={revoke.isBusy} problem={revoke.problem} onConfirm={revoke.run} onClose={onClose}>
      <p>From now on it admits nothing, for good. What it has used is still charged.</p>
    </Confirm>
  );
}

function Secret({ made, onClose }: { made: NewKeyWithSecret; onClose: () => void }): ReactNode {
  return (
    <Dialog title="Your new key" onClose={onClose}>
      <div className="stack">
        <p>Copy it now: it is shown this once and stored nowhere.</p>
        <Code text={made.secret} label="The secret of the key" />
        <div className="dialog-foot"><Button kind="primary" onClick={onClose}>I have it</Button></div>
      </div>
    </Dialog>
  );
}
