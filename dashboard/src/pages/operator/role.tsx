// What a user may do on the whole platform when signed in.

import { useState, type ReactNode, type SubmitEvent } from "react";

import { call, path } from "../../api/client";
import { useAction } from "../../api/use";
import type { MadeWaysIn, Role, User, UserWithRole } from "../../api/types";
import { Button, Field } from "../../components/parts";
import { ErrorState } from "../../components/states";
import { ROLE_NAMES } from "../../session/rights";
import { MadeForOthers } from "./made";

const ROLES: readonly (readonly [Role | "", string])[] = [["", "Customer: sees what is its own"], ["viewer", ROLE_NAMES.viewer], ["billing_manager", ROLE_NAMES.billing_manager], ["manager", ROLE_NAMES.manager]];

export function RoleSetting({ user, onDone }: { user: User; onDone: () => void }): ReactNode {
  const [role, setRole] = useState<string | null>(null);
  // What the user made for others, with more power than the role that was set.
  const [made, setMade] = useState<MadeWaysIn | null>(null);
  const chosen = role ?? user.role ?? "";
  const put = async (revokeMade: boolean): Promise<void> => {
    const body = { role: chosen === "" ? null : chosen, revoke_made_keys: revokeMade };
    const answer = await call<UserWithRole>("PUT", path`/users/${user.id}/role`, { body });
    setMade(answer);
    setRole(null);
    onDone();
  };
  const set = useAction(async () => { await put(false); });
  const revoke = useAction(async () => { await put(true); });
  if (user.role === undefined) return null;
  const keys = made?.made_keys.length ?? 0;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    set.run();
  };
  return (
    <form className="filters" onSubmit={submit}>
      <Field label="Role when signed in">{(field) => <select {...field} value={chosen} onChange={(event) => { setRole(event.target.value); }}>{ROLES.map(([value, label]) => <option key={value} value={value}>{label}</option>)}</select>}</Field>
      <div><Button type="submit" busy={set.isBusy} disabled={chosen === (user.role ?? "")}>Set role</Button></div>
      {set.problem && <ErrorState problem={set.problem} />}
      {keys > 0 && (
        <div role="status">
          <p>{keys === 1 ? "One live key" : `${keys.toString()} live keys`} that {user.name} made for others can do more than this role.</p>
          <Button busy={revoke.isBusy} onClick={revoke.run}>{keys === 1 ? "Revoke it as well" : "Revoke them as well"}</Button>
        </div>
      )}
      {revoke.problem && <ErrorState problem={revoke.problem} />}
      {made && <MadeForOthers by={user.name} made={made} />}
    </form>
  );
}
