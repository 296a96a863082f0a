// Who is signed in decides what is shown; the hash decides which page of it.

import { useCallback, useEffect, useState, type ReactNode } from "react";

import { call, setCsrfToken, whenSignedOut, type Problem } from "./api/client";
import type { Session } from "./api/types";
import { PageHead } from "./components/parts";
import { Mark, Shell } from "./components/shell";
import { Empty, ErrorState, Skeleton } from "./components/states";
import { Home } from "./pages/customer/home";
import { KeysPage } from "./pages/customer/keys";
import { LedgerPage } from "./pages/customer/ledger";
import { AuditLog } from "./pages/operator/audit";
import { Endpoints } from "./pages/operator/endpoints";
import { ModelPage } from "./pages/operator/model";
import { Models } from "./pages/operator/models";
import { Overview } from "./pages/operator/overview";
import { Quarantine } from "./pages/operator/quarantine";
import { UnratedPage } from "./pages/operator/unrated";
import { UserPage } from "./pages/operator/user";
import { Users } from "./pages/operator/users";
import { SignIn } from "./pages/sign-in";
import { FirstRequest } from "./pages/start/start";
import { You } from "./pages/you";
import { go, useRoute } from "./router";
import { SessionContext } from "./session/context";
import { may, type Right } from "./session/rights";

type State = { is: "loading" } | { is: "failed"; problem: Problem } | { is: "out" } | { is: "in"; session: Session };

export function App(): ReactNode {
  const [state, setState] = useState<State>({ is: "loading" });
  const route = useRoute();
  const look = useCallback(() => {
    call<Session>("GET", "/session", { quietly: true })
      .then((session) => {
        setCsrfToken(session.csrf_token);
        setState({ is: "in", session });
      })
      .catch((problem: unknown) => { setState((problem as Problem).status === 401 ? { is: "out" } : { is: "failed", problem: problem as Problem }); });
  }, []);
  useEffect(() => {
    whenSignedOut(() => { setState({ is: "out" }); });
    look();
  }, [look]);
  const signedIn = useCallback((session: Session) => {
    setCsrfToken(session.csrf_token);
    setState({ is: "in", session });
  }, []);
  const signOut = (): void => {
    call("DELETE", "/session").then(() => {
      setCsrfToken(null);
      setState({ is: "out" });
      go("#/");
    }).catch(look);
  };
  // A link to sign in is for whoever opens it, also where somebody is signed in already.
  const isSignIn = route.parts[0] === "sign-in";
  if (state.is === "out" || (isSignIn && state.is !== "loading")) return <SignIn code={isSignIn ? route.query.get("code") : null} refusal={isSignIn ? route.query.get("problem") : null} onSignedIn={signedIn} />;
  if (state.is === "loading") return <main className="alone"><Mark /><Skeleton lines={2} /></main>;
  if (state.is === "failed") return <main className="alone"><Mark /><h1>Tollgate</h1><ErrorState problem={state.problem} retry={look} /></main>;
  const { session } = state;
  const current = route.parts[0] ?? (session.role === null ? "account" : "overview");
  return (
    <SessionContext value={session}>
      <Shell session={session} current={current} onSignOut={signOut}>
        <Page key={route.parts.join("/")} current={current} id={route.parts[1]} session={session} onSession={signedIn} onSignedOut={() => { setState({ is: "out" }); }} />
      </Shell>
    </SessionContext>
  );
}

const OPERATOR: Record<string, { right: Right; page: (id: string | undefined) => ReactNode }> = {
  overview: { right: "overview", page: () => <Overview /> },
  users: { right: "users", page: (id) => (id === undefined ? <Users /> : <UserPage key={id} id={id} />) },
  models: { right: "models", page: (id) => (id === undefined ? <Models /> : <ModelPage id={id} />) },
  endpoints: { right: "watch", page: () => <Endpoints /> },
  quarantine: { right: "watch", page: () => <Quarantine /> },
  unrated: { right: "unrated", page: () => <UnratedPage /> },
  audit: { right: "watch", page: () => <AuditLog /> },
  start: { right: "manage", page: () => <FirstRequest /> },
};

function Nowhere(): ReactNode {
  return (
    <>
      <PageHead title="There is no such page" />
      <Empty title="Nothing to see here" action={<a className="button" href="#/">To the first page</a>}>The page does not exist, or is not for your role.</Empty>
    </>
  );
}

function Page({ current, id, session, onSession, onSignedOut }: { current: string; id: string | undefined; session: Session; onSession: (session: Session) => void; onSignedOut: () => void }): ReactNode {
  const operator = Object.hasOwn(OPERATOR, current) ? OPERATOR[current] : undefined;
  if (operator && may(session, operator.right)) return operator.page(id);
  switch (current) {
    case "account": return <Home />;
    case "ledger": return <LedgerPage />;
    case "keys": return <KeysPage />;
    case "you": return <You onSession={onSession} onSignedOut={onSignedOut} />;
    default: return <Nowhere />;
  }
}
