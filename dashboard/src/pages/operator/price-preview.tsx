// What a new price would have cost in the last month, beside what was charged: shown before it is set.

import { useEffect, useState, type ReactNode } from "react";

import { Problem, path, post } from "../../api/client";
import type { Model, NewTariff, TariffPreview } from "../../api/types";
import { Skeleton } from "../../components/states";
import { exact, pico, type Pico } from "../../money/money";
import { formatCount } from "../../time/format";

export function PricePreview({ model, tariffs }: { model: Model; tariffs: NewTariff[] }): ReactNode {
  const body = JSON.stringify({ tariffs });
  const [state, setState] = useState<{ body: string; preview: TariffPreview | null; problem: Problem | null } | null>(null);
  useEffect(() => {
    let isGone = false;
    post<TariffPreview>(path`/models/${model.id}/tariffs/preview`, JSON.parse(body))
      .then((preview) => { if (!isGone) setState({ body, preview, problem: null }); })
      .catch((problem: unknown) => { if (!isGone) setState({ body, preview: null, problem: problem as Problem }); });
    return () => { isGone = true; };
  }, [model.id, body]);
  if (state?.body !== body) return <Skeleton lines={2} label="Reckoning what it would have cost" />;
  if (state.problem) return <p className="muted small">What it would have cost in the last 30 days could not be reckoned: {state.problem.message}</p>;
  return state.preview && <Comparison preview={state.preview} />;
}

function Comparison({ preview }: { preview: TariffPreview }): ReactNode {
  if (preview.requests === 0) return <p className="muted small">Nothing was asked of this model in the last 30 days.</p>;
  const [charged, least, most] = [pico(preview.charged), pico(preview.least), pico(preview.most)];
  return (
    <section className="preview" aria-label="The last 30 days at these prices">
      <h3>The last 30 days at these prices</h3>
      <dl className="sums">
        <div><dt>{formatCount(preview.requests)} requests were charged</dt><dd className="number">{exact(charged)}</dd></div>
        <div><dt>They would have been</dt><dd className="number">{least === most ? exact(least) : `${exact(least)} to ${exact(most)}`}</dd></div>
        <div className="sum"><dt>Difference</dt><dd className="number">{least === most ? difference(least, charged) : `${difference(least, charged)} to ${difference(most, charged)}`}</dd></div>
      </dl>
      {!preview.is_exact && <p className="muted small">An estimate: the sums that it is made from do not tell all that has different prices apart.</p>}
      {preview.unrated_requests > 0 && <p className="muted small">{formatCount(preview.unrated_requests)} of them wait for a price, and are counted in.</p>}
      {preview.requests_maybe_without_price > 0 && <p className="muted small">{formatCount(preview.requests_maybe_without_price)} of them may find no price in this list, and would wait.</p>}
    </section>
  );
}

function difference(after: Pico, before: Pico): string {
  const by = after - before;
  const sign = by > 0n ? "+" : "";
  // Tenths of a percent, rounded towards zero.
  const tenths = before > 0n ? Number((by * 1000n) / before) : null;
  return `${sign}${exact(by)}${tenths === null ? "" : ` (${sign}${(tenths / 10).toFixed(1)} %)`}`;
}
