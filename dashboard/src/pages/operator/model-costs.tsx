// What a model costs the operator: the history of it, which may be corrected, and how to add to it.

import { useState, type ReactNode, type SubmitEvent } from "react";

import { call, path, Problem } from "../../api/client";
import { useAction, useResource } from "../../api/use";
import type { CostsChange, Model, UpstreamCost, UpstreamPrices, Whole } from "../../api/types";
import { Dialog } from "../../components/dialog";
import { Badge, Button, Card, Field, When } from "../../components/parts";
import { Empty, ErrorState, Loaded } from "../../components/states";
import { Table } from "../../components/table";
import { exact, parse, perMillion, perToken } from "../../money/money";

const HOUR = 3_600_000;
const FURTHER: readonly (readonly [keyof UpstreamPrices, string])[] = [["cache_read_price", "cache read"], ["cache_write_price", "cache write"], ["reasoning_price", "reasoning"]];

/** What is about to change, and the history as it was when whoever changes it decided to. */
interface Opened {
  what: "new" | UpstreamCost;
  seen: UpstreamCost[];
}

export function ModelCosts({ model, mayChange }: { model: Model; mayChange: boolean }): ReactNode {
  const costs = useResource<Whole<UpstreamCost>>(path`/models/${model.id}/costs`);
  const [open, setOpen] = useState<Opened | null>(null);
  const [said, setSaid] = useState("");
  const shown = costs.data?.data;
  const begin = (what: Opened["what"]): void => {
    if (shown) setOpen({ what, seen: shown });
  };
  // Also after nothing was changed: it may have been refused because somebody else changed something.
  const close = (): void => {
    setOpen(null);
    costs.reload();
  };
  const done = (what: string): void => {
    setSaid(what);
    close();
  };
  return (
    <Card title="What it costs you" aside={mayChange && <Button disabled={!shown} onClick={() => { begin("new"); }}>Set cost price</Button>}>
      <p role="status" className={said === "" ? "unseen" : "notice good"}>{said}</p>
      <Loaded from={costs} lines={3}>{({ data }) => data.length === 0
        ? <Empty title="No cost price yet">Set what its upstream asks, from the hour on that it does, and the overview shows what is left of what you charge. No charge depends on it.</Empty>
        : <History costs={data} onRemove={mayChange ? begin : null} />}</Loaded>
      {open?.what === "new" && <SetCost model={model} seen={open.seen} onClose={close} onDone={() => { done("The cost price is set. Cost and margin of its time are worked out from it."); }} />}
      {open && open.what !== "new" && <RemoveCost model={model} seen={open.seen} cost={open.what} onClose={close} onDone={() => { done("The cost price is removed."); }} />}
    </Card>
  );
}

function History({ costs, onRemove }: { costs: UpstreamCost[]; onRemove: ((cost: UpstreamCost) => void) | null }): ReactNode {
  const now = Date.now();
  const inForce = costs.findLast((cost) => Date.parse(cost.valid_from) <= now);
  const state = (cost: UpstreamCost): ReactNode => {
    if (cost === inForce) return <Badge tone="good">in force</Badge>;
    return Date.parse(cost.valid_from) > now ? <Badge tone="accent">to come</Badge> : <Badge>past</Badge>;
  };
  const further = ({ prices }: UpstreamCost): string => {
    const set = FURTHER.flatMap(([kind, label]) => (prices[kind] ? [`${label} ${perMillion(prices[kind])}`] : []));
    if (prices.request_price) set.push(`each request ${exact(prices.request_price)}`);
    return set.length === 0 ? "–" : set.join(" · ");
  };
  return (
    <Table caption="Every cost price, newest first, in credits per million tokens" rows={[...costs].reverse()} rowKey={(cost) => cost.valid_from} columns={[
      { head: "From", isHead: true, cell: (cost) => <When at={cost.valid_from} /> },
      { head: "State", cell: state },
      { head: "In", numeric: true, cell: (cost) => <span className="number">{perMillion(cost.prices.input_price)}</span> },
      { head: "Out", numeric: true, cell: (cost) => <span className="number">{perMillion(cost.prices.output_price)}</span> },
      { head: "Further", isMinor: true, cell: further },
      ...(onRemove === null ? [] : [{ head: "Change", cell: (cost: UpstreamCost) => <Button kind="quiet" aria-label={`Remove the cost price from ${cost.valid_from}`} onClick={() => { onRemove(cost); }}>Remove</Button> }]),
    ]} />
  );
}

/** The API takes the whole history. What was seen is sent along, so that it is refused where another operator has changed it meanwhile. */
async function change(model: Model, seen: UpstreamCost[], validFrom: string, next: UpstreamCost | null): Promise<void> {
  const others = seen.filter((cost) => Date.parse(cost.valid_from) !== Date.parse(validFrom));
  const body = { costs: next === null ? others : [...others, next], before: seen };
  try {
    await call<CostsChange>("PUT", path`/models/${model.id}/costs`, { body });
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 409) throw error;
    throw new Problem(409, error.code, "Somebody else changed these cost prices just now", "Nothing of this is set. Close this, look at the prices again, and decide anew.");
  }
}

function SetCost({ model, seen, onClose, onDone }: { model: Model; seen: UpstreamCost[]; onClose: () => void; onDone: () => void }): ReactNode {
  const [prices, setPrices] = useState({ input: "", output: "", read: "", write: "", request: "" });
  const [from, setFrom] = useState("");
  const startsAt = from === "" ? Math.floor(Date.now() / HOUR) * HOUR : Date.parse(from);
  const isHour = startsAt % HOUR === 0;
  const wanted = pricesOf(prices);
  const set = useAction(async () => {
    if (wanted === null || !isHour) return;
    const validFrom = new Date(startsAt).toISOString();
    await change(model, seen, validFrom, { valid_from: validFrom, prices: wanted });
    onDone();
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    set.run();
  };
  const price = (name: keyof typeof prices, label: string, options: { hint?: string; required?: boolean } = {}): ReactNode => {
    const text = prices[name];
    const isWrong = text !== "" && (name === "request" ? parse(text) : perToken(text)) === null;
    return (
      <Field label={label} hint={options.hint} error={isWrong ? `A decimal with at most ${name === "request" ? "twelve" : "six"} places.` : null}>
        {(field) => <input {...field} className="number" inputMode="decimal" required={options.required === true} value={text} onChange={(event) => { setPrices({ ...prices, [name]: event.target.value }); }} />}
      </Field>
    );
  };
  return (
    <Dialog title="Set cost price" onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <div className="columns tight">{price("input", "In, per million", { required: true })}{price("output", "Out, per million", { required: true })}</div>
        <div className="columns tight">{price("read", "Cache read, per million (optional)", { hint: "Left empty, as input." })}{price("write", "Cache write, per million (optional)", { hint: "Left empty, as input." })}</div>
        {price("request", "Each request (optional)", { hint: "Of those that did not fail." })}
        <Field label="From (optional)" hint="A full hour. Left empty, the hour that has begun. It is in force until the next cost price; in the past, reports of that time follow." error={isHour ? null : "A full hour of UTC."}>
          {(field) => <input {...field} type="datetime-local" value={from} onChange={(event) => { setFrom(event.target.value); }} />}
        </Field>
        {set.problem && <ErrorState problem={set.problem} />}
        <div className="dialog-foot"><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit" busy={set.isBusy} disabled={wanted === null || !isHour}>Set cost price</Button></div>
      </form>
    </Dialog>
  );
}

function RemoveCost({ model, seen, cost, onClose, onDone }: { model: Model; seen: UpstreamCost[]; cost: UpstreamCost; onClose: () => void; onDone: () => void }): ReactNode {
  const remove = useAction(async () => {
    await change(model, seen, cost.valid_from, null);
    onDone();
  });
  return (
    <Dialog title="Remove this cost price?" onClose={onClose}>
      <p>From <When at={cost.valid_from} /> on, the cost price before it goes on; where there is none, cost is unknown. No charge depends on it.</p>
      {remove.problem && <ErrorState problem={remove.problem} />}
      <div className="dialog-foot"><Button onClick={onClose}>Cancel</Button><Button kind="danger" busy={remove.isBusy} onClick={remove.run}>Remove cost price</Button></div>
    </Dialog>
  );
}

function pricesOf({ input, output, read, write, request }: Record<"input" | "output" | "read" | "write" | "request", string>): UpstreamPrices | null {
  const optional = (text: string): string | null | undefined => (text === "" ? undefined : perToken(text));
  const [inputPrice, outputPrice, readPrice, writePrice] = [perToken(input), perToken(output), optional(read), optional(write)];
  const requestPrice = request === "" ? undefined : parse(request);
  if (inputPrice === null || outputPrice === null || readPrice === null || writePrice === null || requestPrice === null || (requestPrice !== undefined && requestPrice < 0n)) return null;
  return {
    input_price: inputPrice,
    output_price: outputPrice,
    ...(readPrice === undefined ? {} : { cache_read_price: readPrice }),
    ...(writePrice === undefined ? {} : { cache_write_price: writePrice }),
    ...(requestPrice === undefined ? {} : { request_price: request.trim() }),
  };
}
