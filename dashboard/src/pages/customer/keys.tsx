// The keys of whoever is signed in.

import type { ReactNode } from "react";

import { PageHead } from "../../components/parts";
import { useSession } from "../../session/context";
import { may, mayManageKeysOf } from "../../session/rights";
import { Keys } from "../shared/keys";
import { UserLimits } from "../shared/limits";

export function KeysPage(): ReactNode {
  const session = useSession();
  return (
    <>
      <PageHead title="API keys" lead="What your programs send requests with." />
      <Keys userId={session.user.id} mayManage={mayManageKeysOf(session, session.user.id)} isManager={may(session, "manage")} />
      <h2>Limits</h2>
      <UserLimits userId={session.user.id} name={session.user.name} mayChange={may(session, "money")} />
    </>
  );
}
