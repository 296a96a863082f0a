// How people come in: by name and password, by a link that works once, or by the company's own sign-in.

import { useEffect, useRef, useState, type SubmitEvent, type ReactNode } from "react";

import { call } from "../api/client";
import { useAction, useResource } from "../api/use";
import type { Session, SignInMethods } from "../api/types";
import { Button, Field } from "../components/parts";
import { Mark } from "../components/shell";
import { ErrorState } from "../components/states";
import { go } from "../router";

export function SignIn({ code, onSignedIn }: { code: string | null; onSignedIn: (session: Session) => void }): ReactNode {
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
      {signIn.problem && <ErrorState problem={signIn.problem} />}
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
      {code === null && oidc && <a className="button wide" href={oidc.url.startsWith("/") && !oidc.url.startsWith("//") ? oidc.url : "#/"}>Continue with {oidc.name}</a>}
      {methods.problem && <ErrorState problem={methods.problem} retry={methods.reload} />}
      <p className="muted small">The first time, whoever runs this server makes a link for you: <code>tollgate user sign-in-link NAME</code></p>
    </main>
  );
}
