// Stretches of time that can be looked at, each with buckets that it has few enough of.

import type { Series } from "../api/types";
import { DAY } from "../time/format";

export type Range = "24h" | "7d" | "30d" | "12m";

export const RANGES = [["24h", "24 hours"], ["7d", "7 days"], ["30d", "30 days"], ["12m", "12 months"]] as const satisfies readonly (readonly [Range, string])[];

const LENGTHS: Record<Range, [number, Series["bucket"]]> = { "24h": [DAY, "hour"], "7d": [7 * DAY, "hour"], "30d": [30 * DAY, "day"], "12m": [365 * DAY, "day"] };

export function isRange(text: string | null): text is Range {
  return text !== null && text in LENGTHS;
}

/** Its parameters. They change once in a minute at most, so that nothing is asked twice for the same. */
export function parametersOf(range: Range, now = Date.now()): { since: string; bucket: Series["bucket"] } {
  const [length, bucket] = LENGTHS[range];
  const minute = Math.floor(now / 60_000) * 60_000;
  return { since: new Date(minute - length + (bucket === "hour" ? 3_600_000 : DAY)).toISOString(), bucket };
}
