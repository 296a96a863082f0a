// The ledger of whoever is signed in.

import type { ReactNode } from "react";

import { PageHead } from "../../components/parts";
import { useSession } from "../../session/context";
import { Ledger } from "../shared/ledger";

export function LedgerPage(): ReactNode {
  const { user } = useSession();
  return (
    <>
      <PageHead title="Ledger" lead="Every change of your balance, to the last digit." />
      <Ledger userId={user.id} name={user.name} />
    </>
  );
}
