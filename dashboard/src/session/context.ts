// The session that the page is shown for.

import { createContext, useContext } from "react";

import type { Session } from "../api/types";

export const SessionContext = createContext<Session | null>(null);

/** Who is signed in. Only for what is shown to somebody who is. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error("nobody is signed in");
  return session;
}
