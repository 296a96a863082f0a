// The person who is signed in: password and sessions.

import { useState, type SubmitEvent, type ReactNode } from "react";

import { call } from "../api/client";
import { useAction } from "../api/use";
import type { Session } from "../api/types";
import { Button, Card, Field, PageHead, When } from "../components/parts";
import { ErrorState } from "../components/states";
import { useSession } from "../session/context";
import { ROLE_NAMES } from "../session/rights";

const SHORTEST = 12;

export function You({ onSession, onSignedOut }: { onSession: (session: Session) => void; onSignedOut: () => void }): ReactNode {
  const session = useSession();
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const [done, setDone] = useState(false);
  const set = useAction(async () => {
    await call("PUT", "/session/password", { body: { password, current: current === "" ? null : current } });
    onSession(await call<Session>("GET", "/session"));
    setPassword("");
    setCurrent("");
    setDone(true);
  });
  const end = useAction(async () => {
    await call("DELETE", "/sessions");
    onSignedOut();
  });
  const isShort = password !== "" && Array.from(password).length < SHORTEST;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    setDone(false);
    if (!isShort) set.run();
  };
  return (
    <>
      <PageHead title={session.user.name} lead={session.role === null ? "Customer" : ROLE_NAMES[session.role]} />
      <div className="columns">
        {!session.has_password && session.begun_by === "oidc" ? <Card title="Password"><p>You came in through the company's sign-in and have no password here. To choose one, come in by a sign-in link from whoever manages this server.</p></Card> : <Card title={session.has_password ? "Change your password" : "Choose a password"}>
          <form className="stack" onSubmit={submit}>
            {!session.has_password && <p>With one, you need no link to sign in the next time.</p>}
            <input className="unseen" type="text" name="username" autoComplete="username" readOnly tabIndex={-1} aria-hidden="true" value={session.user.name} />
            {session.has_password && <Field label="Current password" hint="Not needed soon after you came in by a link.">{(field) => <input {...field} type="password" autoComplete="current-password" value={current} onChange={(event) => { setCurrent(event.target.value); }} />}</Field>}
            <Field label="New password" hint={`At least ${String(SHORTEST)} characters. Your other sessions end.`} error={isShort ? `${String(SHORTEST - Array.from(password).length)} more characters are needed.` : null}>
              {(field) => <input {...field} type="password" autoComplete="new-password" required value={password} onChange={(event) => { setPassword(event.target.value); }} />}
            </Field>
            {set.problem && <ErrorState problem={set.problem} />}
            <p role="status">{done ? "The new password is set." : ""}</p>
            <div><Button kind="primary" type="submit" busy={set.isBusy}>Set password</Button></div>
          </form>
        </Card>}
        <Card title="Sessions">
          <div className="stack">
            <p>This one ends <When at={session.expires_at} />.</p>
            {end.problem && <ErrorState problem={end.problem} />}
            <div><Button busy={end.isBusy} onClick={end.run}>Sign out everywhere</Button></div>
          </div>
        </Card>
      </div>
    </>
  );
}
