// One who pays: balance, ledger, keys, usage; and what can be done about them.

import { useState, type ReactNode } from "react";

import { path, post } from "../../api/client";
import { useAction, useResource } from "../../api/use";
import type { DeactivatedUser, User } from "../../api/types";
import { Confirm } from "../../components/dialog";
import { Amount, Button, Card, Choice, PageHead, When } from "../../components/parts";
import { Loaded } from "../../components/states";
import { href, replace, useRoute } from "../../router";
import { useSession } from "../../session/context";
import { may, mayManageKeysOf } from "../../session/rights";
import { Keys } from "../shared/keys";
import { Ledger } from "../shared/ledger";
import { CapsInForce, UserLimits } from "../shared/limits";
import { Held } from "../shared/held";
import { Outlook } from "../shared/outlook";
import { UserUsage } from "../shared/usage";
import { MoveCredits, type Movement } from "./credits";
import { MadeForOthers } from "./made";
import { RoleSetting } from "./role";
import { SignInLink } from "./sign-in-link";
import { UserState } from "./users";

const TABS = [["ledger", "Ledger"], ["usage", "Usage"], ["keys", "Keys"], ["limits", "Limits"]] as const;
type Tab = (typeof TABS)[number][0];

export function UserPage({ id }: { id: string }): ReactNode {
  const session = useSession();
  const user = useResource<User>(path`/users/${id}`, {}, 5_000);
  const asked = useRoute().query.get("tab");
  const tab: Tab = TABS.find(([name]) => name === asked)?.[0] ?? "ledger";
  const [movement, setMovement] = useState<Movement | null>(null);
  const [isEnding, setEnding] = useState(false);
  const [ended, setEnded] = useState<DeactivatedUser | null>(null);
  const [entered, setEntered] = useState(0);
  const end = useAction(async () => {
    setEnded(await post<DeactivatedUser>(path`/users/${id}/deactivate`));
    setEnding(false);
    user.reload();
  });
  const done = (): void => {
    setMovement(null);
    setEntered(entered + 1);
    user.reload();
  };
  return (
    <Loaded from={user}>{(who) => (
      <>
        <PageHead title={who.name} back={{ href: href(["users"]), label: "Users" }} lead={<><UserState user={who} /> {who.kind}, since <When at={who.created_at} relative /></>}>
          {may(session, "money") && !who.deactivated_at && (
            <>
              <Button kind="primary" onClick={() => { setMovement("grant"); }}>Grant credits</Button>
              <Button onClick={() => { setMovement("remove"); }}>Remove</Button>
              <Button onClick={() => { setMovement("adjust"); }}>Adjust</Button>
            </>
          )}
        </PageHead>
        <div className="balance">
          <span className="muted">Balance</span>
          <span className="big" aria-live="polite"><Amount of={who.balance} /></span>
          <Outlook user={who} />
          <Held user={who} />
          <CapsInForce limits={who.limits} />
        </div>
        <Choice label="What is shown" value={tab} options={TABS} onChange={(next) => { replace(href(["users", id], { tab: next })); }} />
        {tab === "ledger" && <Ledger key={entered} userId={id} name={who.name} />}
        {tab === "usage" && <UserUsage userId={id} />}
        {tab === "keys" && <Keys userId={id} mayManage={mayManageKeysOf(session, id) && !who.deactivated_at} isManager={may(session, "manage")} />}
        {tab === "limits" && <UserLimits userId={id} name={who.name} mayChange={may(session, "money") && !who.deactivated_at} />}
        {may(session, "manage") && !who.deactivated_at && (
          <Card title="Access">
            <div className="stack">
              <SignInLink userId={id} />
              <RoleSetting user={who} onDone={user.reload} />
              <p className="muted">Deactivated, all keys of this user end at once, for good. What is in the books stays.</p>
              <div><Button kind="danger" onClick={() => { setEnding(true); }}>Deactivate user</Button></div>
            </div>
          </Card>
        )}
        {ended && <Left user={ended} />}
        {movement && <MoveCredits movement={movement} user={who} onDone={done} onClose={() => { setMovement(null); }} />}
        {isEnding && (
          <Confirm title={`Deactivate ${who.name}?`} action="Deactivate" kind="danger" busy={end.isBusy} problem={end.problem} onConfirm={end.run} onClose={() => { setEnding(false); }}>
            <p>All keys are revoked. A deactivated user cannot be brought back, nor be given a refund.</p>
          </Confirm>
        )}
      </>
    )}</Loaded>
  );
}

/** What somebody who was deactivated just now had made for others; nothing where that is nothing. */
function Left({ user }: { user: DeactivatedUser }): ReactNode {
  const keys = user.made_keys.length;
  const others = [user.made_identities, user.made_sign_in_links, user.made_sessions, user.made_passwords];
  if (keys === 0 && others.every((made) => made.length === 0)) return null;
  return (
    <Card title="Ways in that are left">
      <div className="stack">
        {keys > 0 && <p role="status">{keys === 1 ? "One live key" : `${keys.toString()} live keys`} with a role that {user.name} made for others: revoke what {user.name} has seen.</p>}
        <MadeForOthers by={user.name} made={user} />
      </div>
    </Card>
  );
}
