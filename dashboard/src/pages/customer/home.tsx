// What is left, and where it went.

import type { ReactNode } from "react";

import { path } from "../../api/client";
import { useResource } from "../../api/use";
import type { User } from "../../api/types";
import { Amount, PageHead } from "../../components/parts";
import { Loaded } from "../../components/states";
import { href } from "../../router";
import { useSession } from "../../session/context";
import { pico } from "../../money/money";
import { Held } from "../shared/held";
import { CapsInForce } from "../shared/limits";
import { Outlook } from "../shared/outlook";
import { UserUsage } from "../shared/usage";

export function Home(): ReactNode {
  const session = useSession();
  const user = useResource<User>(path`/users/${session.user.id}`, {}, 4_000);
  return (
    <>
      <PageHead title="Balance"><a className="button" href={href(["ledger"])}>See the ledger</a></PageHead>
      <Loaded from={user} lines={2}>{(who) => (
        <div className={pico(who.balance) > 0n ? "balance" : "balance dry"}>
          <span className="muted">Credits left</span>
          <span className="big" aria-live="polite"><Amount of={who.balance} /></span>
          <Outlook user={who} />
          <Held user={who} />
          <CapsInForce limits={who.limits} />
        </div>
      )}</Loaded>
      <UserUsage userId={session.user.id} />
    </>
  );
}
