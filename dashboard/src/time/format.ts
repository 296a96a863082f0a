// Instants as people read them: in their own time zone, but for buckets, which are hours and days of UTC.

const LOCALE = "en-GB";
const instant = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const short = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", year: "numeric" });
const utcDay = new Intl.DateTimeFormat(LOCALE, { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const utcHour = new Intl.DateTimeFormat(LOCALE, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
const tickDay = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", timeZone: "UTC" });
const tickMonth = new Intl.DateTimeFormat(LOCALE, { month: "short", year: "numeric", timeZone: "UTC" });
const tickHour = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
const count = new Intl.NumberFormat("en-US");
const compactCount = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

export const formatInstant = (text: string): string => instant.format(new Date(text));
export const formatShort = (text: string): string => short.format(new Date(text));
export const formatDay = (text: string): string => day.format(new Date(text));
export const formatCount = (value: number): string => count.format(value);
/** `1.2M`, for places without room. */
export const formatCompact = (value: number): string => compactCount.format(value);

/** The name of a bucket. */
export function formatBucket(start: string, bucket: "hour" | "day"): string {
  return bucket === "day" ? utcDay.format(new Date(start)) : `${utcHour.format(new Date(start))} UTC`;
}

/** A place on an axis of time, as fine as its steps: a month, a day, an hour of UTC. */
export function formatTick(seconds: number, step: number): string {
  const at = new Date(seconds * 1000);
  if (step >= 28 * 86_400) return tickMonth.format(at);
  return step >= 86_400 || seconds % 86_400 === 0 ? tickDay.format(at) : tickHour.format(at);
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** `4 minutes ago`. */
export function ago(text: string, now = Date.now()): string {
  const past = now - new Date(text).getTime();
  if (past < 45 * SECOND) return past < -45 * SECOND ? `in ${span(-past)}` : "just now";
  return `${span(past)} ago`;
}

/** A length of time in its largest unit. */
export function span(milliseconds: number): string {
  const units: [number, string][] = [[365 * DAY, "year"], [30 * DAY, "month"], [DAY, "day"], [HOUR, "hour"], [MINUTE, "minute"], [SECOND, "second"]];
  for (const [unit, name] of units) {
    if (milliseconds >= unit) {
      const whole = Math.round(milliseconds / unit);
      return `${String(whole)} ${name}${whole === 1 ? "" : "s"}`;
    }
  }
  return "less than a second";
}

/** `1.5 MiB` */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${units[unit] ?? "B"}`;
}
