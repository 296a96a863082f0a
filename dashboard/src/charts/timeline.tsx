// The prices of a model on a line of time: a row for each purpose and window, a bar for each price.

import type { ReactNode } from "react";

import type { Tariff } from "../api/types";
import { perMillion } from "../money/money";
import { DAY, formatDay, formatInstant } from "../time/format";

interface Lane {
  name: string;
  tariffs: Tariff[];
}

export const laneName = (tariff: { purpose: string; completion_window?: string | null | undefined }): string =>
  tariff.completion_window ? `${tariff.purpose}, ${tariff.completion_window} window` : tariff.purpose;

export const isInForce = (tariff: Tariff, now: number): boolean =>
  Date.parse(tariff.valid_from) <= now && (!tariff.valid_until || Date.parse(tariff.valid_until) > now);

export function Timeline({ tariffs, now = Date.now() }: { tariffs: Tariff[]; now?: number }): ReactNode {
  const shown = tariffs.filter((tariff) => tariff.valid_until !== tariff.valid_from);
  const lanes = shown.reduce<Lane[]>((all, tariff) => {
    const lane = all.find((other) => other.name === laneName(tariff));
    if (lane) lane.tariffs.push(tariff);
    else all.push({ name: laneName(tariff), tariffs: [tariff] });
    return all;
  }, []);
  const instants = shown.flatMap((tariff) => [tariff.valid_from, ...(tariff.valid_until ? [tariff.valid_until] : [])]).map((at) => Date.parse(at));
  const first = Math.max(Math.min(now - 14 * DAY, ...instants), now - 730 * DAY);
  const last = Math.max(now + 7 * DAY, ...instants.map((at) => at + 7 * DAY));
  const place = (at: number): number => Math.min(1000, Math.max(0, ((at - first) / (last - first)) * 1000));
  return (
    <div className="timeline">
      {lanes.map((lane) => (
        <div className="lane" key={lane.name}>
          <h3>{lane.name}</h3>
          <svg viewBox="0 0 1000 34" preserveAspectRatio="none" role="img" aria-label={`${String(lane.tariffs.length)} prices, in the table below`}>
            <line className="ground" x1="0" x2="1000" y1="33" y2="33" />
            {lane.tariffs.map((tariff) => {
              const from = place(Date.parse(tariff.valid_from));
              const until = tariff.valid_until ? place(Date.parse(tariff.valid_until)) : 1000;
              return (
                <rect key={tariff.id} className={isInForce(tariff, now) ? "now" : Date.parse(tariff.valid_from) > now ? "to-come" : "past"} x={from + 1} y="5" width={Math.max(4, until - from - 2)} height="24">
                  <title>{`${perMillion(tariff.prices.input_price)} in, ${perMillion(tariff.prices.output_price)} out, from ${formatInstant(tariff.valid_from)}`}</title>
                </rect>
              );
            })}
            <line className="today" x1={place(now)} x2={place(now)} y1="0" y2="34" />
          </svg>
        </div>
      ))}
      <p className="ends" aria-hidden="true"><span>{formatDay(new Date(first).toISOString())}</span><span>{formatDay(new Date(last).toISOString())}</span></p>
    </div>
  );
}
