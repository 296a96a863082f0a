// How long a balance lasts if it is spent as in the last days.

import { useMemo, type ReactNode } from "react";

import { useResource } from "../../api/use";
import type { Series, User } from "../../api/types";
import { pico, rounded, sum } from "../../money/money";
import { DAY, span } from "../../time/format";

const LOOK_BACK_DAYS = 7;
const HOUR_MS = 3_600_000;
const LONGEST_DAYS = 3650n;

export function Outlook({ user }: { user: User }): ReactNode {
  const since = useMemo(() => new Date(Math.floor(Date.now() / 60_000) * 60_000 - LOOK_BACK_DAYS * DAY).toISOString(), []);
  const series = useResource<Series>("/usage-series", { since, bucket: "hour", user_id: user.id }, 30_000);
  if (series.data === null) return null;
  return <span className="outlook">{say(user, series.data, Date.now())}</span>;
}

function say(user: User, series: Series, now: number): string {
  const balance = pico(user.balance);
  if (balance <= 0n) return "Nothing is left: requests are refused until there are credits again.";
  const amounts = series.groups[0]?.amounts ?? [];
  const first = amounts.findIndex((amount) => pico(amount) > 0n);
  const spent = sum(amounts);
  if (first < 0 || spent <= 0n) return `Nothing was spent in the last ${String(LOOK_BACK_DAYS)} days.`;
  // Since the hour of the first charge, if that is less than the whole time: a new user's rate is that of its hours.
  const began = Date.parse(series.starts[first] ?? "");
  const length = BigInt(Math.max(HOUR_MS, now - began));
  const aDay = (spent * BigInt(DAY)) / length;
  const lasts = (balance * length) / spent;
  const rate = `${rounded(aDay, 2)} credits a day, as ${length < BigInt(DAY) ? "today" : `in the last ${span(Number(length))}`}`;
  return lasts > LONGEST_DAYS * BigInt(DAY) ? `Lasts for more than ten years at ${rate}.` : `Lasts for about ${span(Number(lasts))} at ${rate}.`;
}
