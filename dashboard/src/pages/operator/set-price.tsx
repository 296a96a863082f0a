// A new price. The API takes the whole wanted list, so what stays is sent along as it is.

import { useState, type SubmitEvent, type ReactNode } from "react";

import { call, path } from "../../api/client";
import { useAction } from "../../api/use";
import type { Model, NewTariff, PriceChange, Prices, Tariff } from "../../api/types";
import { isInForce, laneName } from "../../charts/timeline";
import { Dialog } from "../../components/dialog";
import { Button, Field } from "../../components/parts";
import { ErrorState } from "../../components/states";
import { perMillion, perToken } from "../../money/money";
import { formatInstant } from "../../time/format";
import { PricePreview } from "./price-preview";

const PURPOSES = ["realtime", "batch", "playground", "platform"];

export function SetPrice({ model, tariffs, onDone, onClose }: { model: Model; tariffs: Tariff[]; onDone: (change: PriceChange) => void; onClose: () => void }): ReactNode {
  const [purpose, setPurpose] = useState("realtime");
  const [window, setWindow] = useState("");
  const [input, setInput] = useState("");
  const [output, setOutput] = useState("");
  const [cache, setCache] = useState("");
  const [from, setFrom] = useState("");
  const [isSure, setSure] = useState(false);
  const completionWindow = purpose === "batch" && window !== "" ? window : null;
  const now = Date.now();
  const before = tariffs.find((tariff) => tariff.purpose === purpose && (tariff.completion_window ?? null) === completionWindow && isInForce(tariff, now));
  const prices = pricesOf(input, output, cache, before?.prices);
  const startsAt = from === "" ? null : new Date(from).toISOString();
  const lane = { purpose, completionWindow, startsAt };
  const withdrawn = tariffs.filter((tariff) => isOpen(tariff, now) && isSameLane(tariff, lane) && Date.parse(tariff.valid_from) > now && !stays(tariff, lane, now));
  const set = useAction(async () => {
    if (prices === null) return;
    const kept = tariffs.filter((tariff) => stays(tariff, lane, now)).map(asWanted);
    const read = tariffs.filter((tariff) => isOpen(tariff, now)).map((tariff) => tariff.id);
    const wanted: NewTariff = { purpose, completion_window: completionWindow, prices, valid_from: startsAt };
    onDone(await call<PriceChange>("PUT", path`/models/${model.id}/tariffs`, { body: { tariffs: [...kept, wanted], before: read } }));
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (prices !== null) setSure(true);
  };
  if (isSure && prices !== null) {
    const was = (kind: "input_price" | "output_price"): string => (before ? `${perMillion(before.prices[kind])} → ` : "");
    return (
      <Dialog title="Set this price?" onClose={onClose}>
        <dl className="sums">
          <div><dt>Model</dt><dd>{model.alias}, {laneName({ purpose, completion_window: completionWindow })}</dd></div>
          <div><dt>In, per million</dt><dd className="number">{was("input_price")}{perMillion(prices.input_price)}</dd></div>
          <div><dt>Out, per million</dt><dd className="number">{was("output_price")}{perMillion(prices.output_price)}</dd></div>
          <div><dt>From</dt><dd>{startsAt === null ? "now" : formatInstant(startsAt)}</dd></div>
        </dl>
        <PricePreview model={model} tariffs={[...tariffs.filter((tariff) => isInForce(tariff, now) && !isSameLane(tariff, { purpose, completionWindow })).map(asWanted), { purpose, completion_window: completionWindow, prices }]} />
        <p className="muted small">A price that was in force is never edited. Requests keep the price of their own time; those that wait for one are charged at once.</p>
        {withdrawn.length > 0 && <p className="notice" role="note">{withdrawn.length === 1 ? "One price that was to come is" : `${String(withdrawn.length)} prices that were to come are`} withdrawn: from {withdrawn.map((tariff) => formatInstant(tariff.valid_from)).join(", ")}.</p>}
        {set.problem && <ErrorState problem={set.problem} />}
        <div className="dialog-foot"><Button onClick={() => { setSure(false); set.reset(); }}>Change</Button><Button kind="primary" busy={set.isBusy} onClick={set.run}>Set price</Button></div>
      </Dialog>
    );
  }
  const wrong = (text: string): string | null => (text !== "" && perToken(text) === null ? "A decimal with at most six places." : null);
  return (
    <Dialog title="New price" onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <div className="columns tight">
          <Field label="For keys of purpose">{(field) => <select {...field} value={purpose} onChange={(event) => { setPurpose(event.target.value); }}>{PURPOSES.map((one) => <option key={one}>{one}</option>)}</select>}</Field>
          {purpose === "batch" && <Field label="Completion window" hint="Such as 24h; empty: any.">{(field) => <input {...field} value={window} onChange={(event) => { setWindow(event.target.value); }} />}</Field>}
        </div>
        <div className="columns tight">
          <Field label="In, per million" error={wrong(input)}>{(field) => <input {...field} className="number" inputMode="decimal" required placeholder={before ? perMillion(before.prices.input_price) : "2.50"} value={input} onChange={(event) => { setInput(event.target.value); }} />}</Field>
          <Field label="Out, per million" error={wrong(output)}>{(field) => <input {...field} className="number" inputMode="decimal" required placeholder={before ? perMillion(before.prices.output_price) : "10.00"} value={output} onChange={(event) => { setOutput(event.target.value); }} />}</Field>
        </div>
        <Field label="Cache read, per million (optional)" hint="Left empty, as before, or as input." error={wrong(cache)}>{(field) => <input {...field} className="number" inputMode="decimal" value={cache} onChange={(event) => { setCache(event.target.value); }} />}</Field>
        <Field label="From (optional)" hint="Left empty, now. In the past, requests of that time that wait for a price are charged by it.">{(field) => <input {...field} type="datetime-local" value={from} onChange={(event) => { setFrom(event.target.value); }} />}</Field>
        <div className="dialog-foot"><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit">Continue</Button></div>
      </form>
    </Dialog>
  );
}

/** Further prices stay as they were. */
function pricesOf(input: string, output: string, cache: string, before: Prices | undefined): Prices | null {
  const [inputPrice, outputPrice, cachePrice] = [perToken(input), perToken(output), cache === "" ? undefined : perToken(cache)];
  if (inputPrice === null || outputPrice === null || cachePrice === null) return null;
  return { ...before, input_price: inputPrice, output_price: outputPrice, ...(cachePrice === undefined ? {} : { cache_read_price: cachePrice }) };
}

/** Whether a price is wanted on: those in force and to come are, but for the one whose place the new one takes. */
function stays(tariff: Tariff, next: { purpose: string; completionWindow: string | null; startsAt: string | null }, now: number): boolean {
  if (!isOpen(tariff, now)) return false;
  const begins = next.startsAt === null ? now : Date.parse(next.startsAt);
  // A price of the same lane that begins before the new one stays until then.
  return !isSameLane(tariff, next) || (next.startsAt !== null && Date.parse(tariff.valid_from) < begins);
}

/** In force, or to come. */
const isOpen = (tariff: Tariff, now: number): boolean => !tariff.valid_until || (Date.parse(tariff.valid_until) > now && tariff.valid_until !== tariff.valid_from);

const isSameLane = (tariff: Tariff, lane: { purpose: string; completionWindow: string | null }): boolean => tariff.purpose === lane.purpose && (tariff.completion_window ?? null) === lane.completionWindow;

const asWanted = (tariff: Tariff): NewTariff => ({ purpose: tariff.purpose, completion_window: tariff.completion_window ?? null, prices: tariff.prices, valid_from: tariff.valid_from });
