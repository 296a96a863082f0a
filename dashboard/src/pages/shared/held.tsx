// What of a balance is spoken for, and what is left to ask with.

import type { ReactNode } from "react";

import type { User } from "../../api/types";
import { Amount } from "../../components/parts";

export function Held({ user }: { user: User }): ReactNode {
  return (
    <dl className="held">
      <div><dt>Available</dt><dd><Amount of={user.available} /></dd></div>
      <div title="What requests in flight are expected to cost"><dt>Held</dt><dd><Amount of={user.held} /></dd></div>
      <div title="What gateways may spend without asking again; what is held is part of it"><dt>Leased</dt><dd><Amount of={user.leased} /></dd></div>
    </dl>
  );
}
