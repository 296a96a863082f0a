// The first three steps. Each takes what is there already, or makes it.

import { useState, type SubmitEvent, type ReactNode } from "react";

import { call, idempotencyKey, path, post } from "../../api/client";
import { useAction } from "../../api/use";
import type { Endpoint, Model, NewKeyWithSecret, User } from "../../api/types";
import { Button, Field } from "../../components/parts";
import { ErrorState } from "../../components/states";
import { perToken, positive, toDecimal } from "../../money/money";
import { PROVIDERS, pricesOf } from "./catalogue";

/** What the last step needs. */
export interface Made {
  userId: string;
  userName: string;
  secret: string;
}

export function EndpointStep({ existing, onDone }: { existing: Endpoint[]; onDone: (endpoint: Endpoint) => void }): ReactNode {
  const [choice, setChoice] = useState(existing[0]?.id ?? "openai");
  const provider = PROVIDERS.find((one) => one.name === choice);
  const [typed, setTyped] = useState<{ name?: string; url?: string; style?: string }>({});
  const [credential, setCredential] = useState("");
  const name = typed.name ?? (provider?.name === "custom" ? "" : provider?.name ?? "");
  const url = typed.url ?? provider?.baseUrl ?? "";
  const style = typed.style ?? provider?.authStyle ?? "bearer";
  const create = useAction(async () => {
    const found = existing.find((one) => one.id === choice);
    onDone(found ?? await post<Endpoint>("/endpoints", { name, base_url: url, auth_style: style, provider_name: choice === "custom" ? null : choice, ...(style === "none" ? {} : { credential }) }));
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    create.run();
  };
  return (
    <form className="stack" onSubmit={submit}>
      <Field label="Endpoint">{(field) => (
        <select {...field} value={choice} onChange={(event) => { setChoice(event.target.value); setTyped({}); }}>
          {existing.length > 0 && <optgroup label="There already">{existing.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}</optgroup>}
          <optgroup label="New">{PROVIDERS.map((one) => <option key={one.name} value={one.name}>{one.label}</option>)}</optgroup>
        </select>
      )}</Field>
      {provider && (
        <>
          <div className="columns tight">
            <Field label="Name">{(field) => <input {...field} required maxLength={200} value={name} onChange={(event) => { setTyped({ ...typed, name: event.target.value }); }} />}</Field>
            <Field label="Address">{(field) => <input {...field} type="url" required value={url} placeholder="http://localhost:8000" onChange={(event) => { setTyped({ ...typed, url: event.target.value }); }} />}</Field>
          </div>
          <div className="columns tight">
            <Field label="How it wants its credential">{(field) => <select {...field} value={style} onChange={(event) => { setTyped({ ...typed, style: event.target.value }); }}>{["bearer", "x-api-key", "api-key", "x-goog-api-key", "none"].map((one) => <option key={one}>{one}</option>)}</select>}</Field>
            {style !== "none" && <Field label="Credential" hint="Stored sealed, and never shown again.">{(field) => <input {...field} type="password" autoComplete="off" required value={credential} onChange={(event) => { setCredential(event.target.value); }} />}</Field>}
          </div>
        </>
      )}
      {create.problem && <ErrorState problem={create.problem} />}
      <div><Button kind="primary" type="submit" busy={create.isBusy}>{provider ? "Add endpoint" : "Use this endpoint"}</Button></div>
    </form>
  );
}

export function ModelStep({ endpoint, existing, onDone }: { endpoint: Endpoint; existing: Model[]; onDone: (model: Model) => void }): ReactNode {
  const known = PROVIDERS.find((one) => one.name === endpoint.provider_name)?.models ?? [];
  const [choice, setChoice] = useState(existing[0]?.id ?? "new");
  const [upstream, setUpstream] = useState(known[0]?.name ?? "");
  const [typed, setTyped] = useState<{ alias?: string; input?: string; output?: string }>({});
  const alias = typed.alias ?? upstream;
  const input = typed.input ?? pricesOf(upstream)?.input ?? "";
  const output = typed.output ?? pricesOf(upstream)?.output ?? "";
  const [inputPrice, outputPrice] = [perToken(input), perToken(output)];
  // A model that was made before its price was refused is not made again.
  const [begun, setBegun] = useState<Model | null>(null);
  const create = useAction(async () => {
    const found = existing.find((one) => one.id === choice);
    if (found) {
      onDone(found);
      return;
    }
    if (inputPrice === null || outputPrice === null) return;
    const model = begun?.alias === alias ? begun : await post<Model>("/models", { alias, endpoint_id: endpoint.id, upstream_model: upstream });
    setBegun(model);
    await call("PUT", path`/models/${model.id}/tariffs`, { body: { tariffs: [{ prices: { input_price: inputPrice, output_price: outputPrice } }] } });
    onDone(model);
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    create.run();
  };
  const wrong = (text: string): string | null => (text !== "" && perToken(text) === null ? "A decimal with at most six places." : null);
  return (
    <form className="stack" onSubmit={submit}>
      {existing.length > 0 && (
        <Field label="Model">{(field) => (
          <select {...field} value={choice} onChange={(event) => { setChoice(event.target.value); }}>
            {existing.map((one) => <option key={one.id} value={one.id}>{one.alias}</option>)}
            <option value="new">A new one</option>
          </select>
        )}</Field>
      )}
      {choice === "new" && (
        <>
          <div className="columns tight">
            <Field label="Name at the endpoint">{(field) => (
              <>
                <input {...field} required list={`${field.id}-known`} value={upstream} onChange={(event) => { setUpstream(event.target.value); setTyped({}); }} />
                <datalist id={`${field.id}-known`}>{known.map((one) => <option key={one.name} value={one.name} />)}</datalist>
              </>
            )}</Field>
            <Field label="Name for your customers">{(field) => <input {...field} required maxLength={200} value={alias} onChange={(event) => { setTyped({ ...typed, alias: event.target.value }); }} />}</Field>
          </div>
          <div className="columns tight">
            <Field label="In, per million tokens" error={wrong(input)}>{(field) => <input {...field} className="number" inputMode="decimal" required value={input} onChange={(event) => { setTyped({ ...typed, input: event.target.value }); }} />}</Field>
            <Field label="Out, per million tokens" error={wrong(output)}>{(field) => <input {...field} className="number" inputMode="decimal" required value={output} onChange={(event) => { setTyped({ ...typed, output: event.target.value }); }} />}</Field>
          </div>
          {pricesOf(upstream) && <p className="muted small">Filled in from what the provider listed in 2025. Check them: they are what your customers pay, in credits.</p>}
        </>
      )}
      {create.problem && <ErrorState problem={create.problem} />}
      <div><Button kind="primary" type="submit" busy={create.isBusy}>{choice === "new" ? "Add model" : "Use this model"}</Button></div>
    </form>
  );
}

export function UserStep({ onDone }: { onDone: (made: Made) => void }): ReactNode {
  const [name, setName] = useState("first-customer");
  const [amount, setAmount] = useState("10");
  const [key] = useState(idempotencyKey);
  const [begun, setBegun] = useState<User | null>(null);
  const value = positive(amount);
  const create = useAction(async () => {
    if (value === null) return;
    const user = begun?.name === name ? begun : await post<User>("/users", { name });
    setBegun(user);
    await call("POST", path`/users/${user.id}/credits`, { body: { type: "admin_grant", amount: toDecimal(value), reason: "First credits" }, headers: { "idempotency-key": `${key}-${user.id}-${amount}` } });
    const made = await post<NewKeyWithSecret>("/api-keys", { user_id: user.id, name: "First key" });
    onDone({ userId: user.id, userName: user.name, secret: made.secret });
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    create.run();
  };
  return (
    <form className="stack" onSubmit={submit}>
      <div className="columns tight">
        <Field label="Name of a new user">{(field) => <input {...field} required maxLength={200} value={name} onChange={(event) => { setName(event.target.value); }} />}</Field>
        <Field label="Credits to begin with" error={amount !== "" && value === null ? "This is no amount above zero." : null}>{(field) => <input {...field} className="number" inputMode="decimal" required value={amount} onChange={(event) => { setAmount(event.target.value); }} />}</Field>
      </div>
      {create.problem && <ErrorState problem={create.problem} />}
      <div><Button kind="primary" type="submit" busy={create.isBusy}>Create user and key</Button></div>
    </form>
  );
}
