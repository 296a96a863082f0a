// Giving, taking and setting right, in two steps: what is meant, and whether it is meant. Each counts once, however often it is sent.

import { useState, type SubmitEvent, type ReactNode } from "react";

import { call, idempotencyKey, path } from "../../api/client";
import { useAction } from "../../api/use";
import type { Entered, User } from "../../api/types";
import { Dialog } from "../../components/dialog";
import { Button, Field } from "../../components/parts";
import { ErrorState } from "../../components/states";
import { exact, pico, positive, toDecimal } from "../../money/money";

export type Movement = "grant" | "remove" | "adjust";

const WORDS: Record<Movement, { title: string; action: string; types: readonly (readonly [string, string])[]; takes: boolean; needsReason: boolean }> = {
  grant: { title: "Grant credits", action: "Grant", types: [["admin_grant", "Grant"], ["purchase", "Purchase"], ["refund", "Refund"]], takes: false, needsReason: false },
  remove: { title: "Remove credits", action: "Remove", types: [["admin_removal", "Removal"], ["expiry", "Expiry"]], takes: true, needsReason: false },
  adjust: { title: "Adjust the balance", action: "Adjust", types: [["adjustment", "Adjustment"]], takes: false, needsReason: true },
};

export function MoveCredits({ movement, user, onDone, onClose }: { movement: Movement; user: User; onDone: () => void; onClose: () => void }): ReactNode {
  const words = WORDS[movement];
  const [amount, setAmount] = useState("");
  const [type, setType] = useState(words.types[0]?.[0] ?? "admin_grant");
  const [reason, setReason] = useState("");
  const [isSure, setSure] = useState(false);
  // One key for one intention: sent again after a failure, it still counts once.
  const [key, setKey] = useState(idempotencyKey);
  const value = positive(amount);
  const enter = useAction(async () => {
    if (value === null) return;
    await call<Entered>("POST", path`/users/${user.id}/credits`, { body: { type, amount: toDecimal(value), reason }, headers: { "idempotency-key": key } });
    onDone();
  });
  const ask = (event: SubmitEvent): void => {
    event.preventDefault();
    if (value !== null) setSure(true);
  };
  const change = (): void => {
    setSure(false);
    setKey(idempotencyKey());
    enter.reset();
  };
  if (isSure && value !== null) {
    const after = pico(user.balance) + (words.takes ? -value : value);
    return (
      <Dialog title={`${words.title}?`} onClose={onClose}>
        <dl className="sums">
          <div><dt>For</dt><dd>{user.name}</dd></div>
          <div><dt>Balance now</dt><dd className="number">{exact(user.balance)}</dd></div>
          <div><dt>{words.types.find(([name]) => name === type)?.[1]}</dt><dd className="number">{words.takes ? "−" : "+"}{exact(value)}</dd></div>
          <div className="sum"><dt>Balance after</dt><dd className="number">{exact(after)}</dd></div>
        </dl>
        <p className="muted small">Usage that is entered meanwhile comes off as well.</p>
        {enter.problem && <ErrorState problem={enter.problem} />}
        <div className="dialog-foot">
          <Button onClick={change}>Change</Button>
          <Button kind={words.takes ? "danger" : "primary"} busy={enter.isBusy} onClick={enter.run}>{words.action} {exact(value)}</Button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={words.title} onClose={onClose}>
      <form className="stack" onSubmit={ask}>
        <Field label="Amount in credits" hint="A decimal, exact to twelve places." error={amount !== "" && value === null ? "This is no amount above zero, such as 12.50." : null}>
          {(field) => <input {...field} className="number" inputMode="decimal" autoComplete="off" required value={amount} onChange={(event) => { setAmount(event.target.value); }} />}
        </Field>
        {words.types.length > 1 && (
          <Field label="Booked as">{(field) => <select {...field} value={type} onChange={(event) => { setType(event.target.value); }}>{words.types.map(([name, label]) => <option key={name} value={name}>{label}</option>)}</select>}</Field>
        )}
        <Field label={words.needsReason ? "Reason" : "Reason (optional)"} hint="It is in the ledger, where the customer sees it.">
          {(field) => <input {...field} maxLength={2000} required={words.needsReason} value={reason} onChange={(event) => { setReason(event.target.value); }} />}
        </Field>
        {movement === "adjust" && <p className="muted small">An adjustment adds. What is to be taken is a removal.</p>}
        <div className="dialog-foot"><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit">Continue</Button></div>
      </form>
    </Dialog>
  );
}
