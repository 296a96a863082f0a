// How people come in: by name and password, by a link that works once, or by the company's own sign-in.

import { useEffect, useRef, useState, type SubmitEvent, type ReactNode } from "react";

import { call, Problem } from "../api/client";
import { useAction, useResource } from "../api/use";
import type { Session, SignInMethods } from "../api/types";
import { Button, Field } from "../components/parts";
import { Mark } from "../components/shell";
import { ErrorState } from "../components/states";
import { go } from "../router";

/** Why the company's sign-in led back here. The address says one of these words; what it says else is not shown. */
const REFUSALS: Record<string, [title: string, detail: string]> = {
  csrf: ["That was begun by another site", "Begin again with the button below."],
  too_many_attempts: ["Too many tries to sign in", "Try again in a quarter of an hour."],
  oidc_provider: ["The company's sign-in does not answer", "Try again soon. A password or a sign-in link works without it; the server's log says more."],
  oidc_declined: ["The company's sign-in did not let you through", "It was cancelled there, or you may not use Tollgate."],
  oidc_expired: ["That sign-in is over", "It was begun in another browser or at another address of this server, took too long, or was used before. Begin again with the button below."],
  oidc_not_believed: ["The company's sign-in gave no proof that could be believed", "Nobody was signed in. The server's log says why."],
  oidc_not_linked: ["Nobody here is linked to you", "You are known to the company's sign-in and not yet to Tollgate. Whoever manages it can link you; the server's log has the name to link."],
};
const UNKNOWN_REFUSAL: [string, string] = ["It did not work", "Begin again, or ask whoever runs this server."];

function refused(word: string): Problem {
  const [title, detail] = (Object.hasOwn(REFUSALS, word) ? REFUSALS[word] : undefined) ?? UNKNOWN_REFUSAL;
  return new Problem(0, word, title, detail);
}

export function SignIn({ code, refusal, onSignedIn }: { code: string | null; refusal: string | null; onSignedIn: (session: Session) => void }): ReactNode {
  const methods = useResource<SignInMethods>("/sign-in-methods");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const enter = async (body: unknown): Promise<void> => {
    const session = await call<Session>("POST", "/session", { body, quietly: true });
    // The code has been used: it does not stay in the address. Who has no password yet is asked for one.
    go(session.has_password || code === null ? "#/" : "#/you");
    onSignedIn(session);
  };
  const signIn = useAction(enter);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = "Sign in · Tollgate";
    heading.current?.focus();
  }, []);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    signIn.run({ name, password });
  };
  const oidc = methods.data?.oidc ?? null;
  return (
    <main className="alone">
      <Mark />
      <h1 tabIndex={-1} ref={heading}>Sign in to Tollgate</h1>
      {signIn.problem ? <ErrorState problem={signIn.problem} /> : refusal !== null && <ErrorState problem={refused(refusal)} />}
      {code !== null && (
        <div className="card stack">
          <p>This link signs you in once.</p>
          <Button kind="primary" busy={signIn.isBusy} onClick={() => { signIn.run({ code }); }}>Continue</Button>
        </div>
      )}
      {code === null && methods.data?.password !== false && (
        <form className="card stack" onSubmit={submit}>
          <Field label="Name">{(field) => <input {...field} autoComplete="username" autoCapitalize="none" required value={name} onChange={(event) => { setName(event.target.value); }} />}</Field>
          <Field label="Password">{(field) => <input {...field} type="password" autoComplete="current-password" required value={password} onChange={(event) => { setPassword(event.target.value); }} />}</Field>
          <Button kind="primary" type="submit" busy={signIn.isBusy}>{signIn.isBusy ? "Signing in…" : "Sign in"}</Button>
        </form>
      )}
      {code === null && oidc && <a className="button wide" href={oidc.url.startsWith("/") && !oidc.url.startsWith("//") ? oidc.url : "#/"}>Sign in with {oidc.name}</a>}
      {methods.problem && <ErrorState problem={methods.problem} retry={methods.reload} />}
      <p className="muted small">The first time, whoever runs this server makes a link for you: <code>tollgate user sign-in-link NAME</code></p>
    </main>
  );
}
