// What a user may do on the whole platform when signed in.

import { useState, type ReactNode, type SubmitEvent } from "react";

import { call, path } from "../../api/client";
import { useAction } from "../../api/use";
import type { Role, User } from "../../api/types";
import { Button, Field } from "../../components/parts";
import { ErrorState } from "../../components/states";
import { ROLE_NAMES } from "../../session/rights";

const ROLES: readonly (readonly [Role | "", string])[] = [["", "Customer: sees what is its own"], ["viewer", ROLE_NAMES.viewer], ["billing_manager", ROLE_NAMES.billing_manager], ["manager", ROLE_NAMES.manager]];

export function RoleSetting({ user, onDone }: { user: User; onDone: () => void }): ReactNode {
  const [role, setRole] = useState<string | null>(null);
  const chosen = role ?? user.role ?? "";
  const set = useAction(async () => {
    await call("PUT", path`/users/${user.id}/role`, { body: { role: chosen === "" ? null : chosen } });
    setRole(null);
    onDone();
  });
  if (user.role === undefined) return null;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    set.run();
  };
  return (
    <form className="filters" onSubmit={submit}>
      <Field label="Role when signed in">{(field) => <select {...field} value={chosen} onChange={(event) => { setRole(event.target.value); }}>{ROLES.map(([value, label]) => <option key={value} value={value}>{label}</option>)}</select>}</Field>
      <div><Button type="submit" busy={set.isBusy} disabled={chosen === (user.role ?? "")}>Set role</Button></div>
      {set.problem && <ErrorState problem={set.problem} />}
    </form>
  );
}
