// Everybody who pays.

import { useDeferredValue, useState, type SubmitEvent, type ReactNode } from "react";

import { post } from "../../api/client";
import { useAction, usePages } from "../../api/use";
import type { User } from "../../api/types";
import { Icon } from "../../components/icon";
import { Dialog } from "../../components/dialog";
import { Amount, Badge, Button, Field, PageHead, When } from "../../components/parts";
import { Empty, ErrorState, Loaded } from "../../components/states";
import { More, Table } from "../../components/table";
import { pico } from "../../money/money";
import { go, href } from "../../router";
import { useSession } from "../../session/context";
import { may } from "../../session/rights";
import { CapsInForce } from "../shared/limits";

export function Users(): ReactNode {
  const session = useSession();
  const [search, setSearch] = useState("");
  const [withDeactivated, setWithDeactivated] = useState(false);
  const [isNew, setNew] = useState(false);
  const users = usePages<User>("/users", { search: useDeferredValue(search), with_deactivated: withDeactivated || null }, 10_000);
  return (
    <>
      <PageHead title="Users" lead="People and organizations, with what is left of their credits.">
        {may(session, "manage") && <Button kind="primary" onClick={() => { setNew(true); }}><Icon name="plus" />New user</Button>}
      </PageHead>
      <div className="filters" role="search">
        <Field label="Search by name">{(field) => <input {...field} type="search" value={search} onChange={(event) => { setSearch(event.target.value); }} />}</Field>
        <label className="check"><input type="checkbox" checked={withDeactivated} onChange={(event) => { setWithDeactivated(event.target.checked); }} />With deactivated users</label>
      </div>
      <div className="card flush">
        <Loaded from={users} lines={8}>{(rows) => rows.length === 0
          ? <Empty title={search === "" ? "No users yet" : "Nobody of that name"}>{search === "" ? "A user has credits, and keys that spend them." : "Part of a name is enough."}</Empty>
          : (
            <>
              <Table caption="Users" rows={rows} rowKey={(user) => user.id} columns={[
                { head: "Name", isHead: true, cell: (user) => <a href={href(["users", user.id])}>{user.name}</a> },
                { head: "Balance", numeric: true, cell: (user) => <Amount of={user.balance} places={4} /> },
                { head: "Available", numeric: true, isMinor: true, cell: (user) => <Amount of={user.available} places={4} /> },
                { head: "Held", numeric: true, isMinor: true, cell: (user) => <Amount of={user.held} places={4} /> },
                { head: "Caps", isMinor: true, cell: (user) => (user.limits ? <CapsInForce limits={user.limits} /> : <span className="muted">–</span>) },
                { head: "State", cell: (user) => <UserState user={user} /> },
                { head: "Kind", isMinor: true, cell: (user) => user.kind },
                { head: "Since", isMinor: true, cell: (user) => <When at={user.created_at} relative /> },
              ]} />
              <More pages={users} />
            </>
          )}</Loaded>
      </div>
      {isNew && <NewUser onClose={() => { setNew(false); }} />}
    </>
  );
}

export function UserState({ user }: { user: User }): ReactNode {
  if (user.deactivated_at) return <Badge>deactivated</Badge>;
  return pico(user.balance) > 0n ? <Badge tone="good">active</Badge> : <Badge tone="warn">no credits</Badge>;
}

function NewUser({ onClose }: { onClose: () => void }): ReactNode {
  const [name, setName] = useState("");
  const [kind, setKind] = useState("individual");
  const create = useAction(async () => {
    const user = await post<User>("/users", { name, kind });
    go(href(["users", user.id]));
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    create.run();
  };
  return (
    <Dialog title="New user" onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <Field label="Name" hint="Unique among all users.">{(field) => <input {...field} required maxLength={200} value={name} onChange={(event) => { setName(event.target.value); }} />}</Field>
        <Field label="Kind">{(field) => (
          <select {...field} value={kind} onChange={(event) => { setKind(event.target.value); }}>
            <option value="individual">Individual</option>
            <option value="organization">Organization</option>
          </select>
        )}</Field>
        {create.problem && <ErrorState problem={create.problem} />}
        <div className="dialog-foot"><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit" busy={create.isBusy}>Create user</Button></div>
      </form>
    </Dialog>
  );
}
