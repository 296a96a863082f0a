// Amounts are decimals as text, exact to twelve places. They are reckoned with as whole numbers of 10⁻¹² credits and never become
// floats; only the height of a bar in a chart may.

const PLACES = 12;
const ONE = 10n ** BigInt(PLACES);
const DECIMAL = /^([+-]?)(\d+)(?:\.(\d{0,12}))?$/;

/** A whole number of 10⁻¹² credits. */
export type Pico = bigint;

/** What a decimal text says; `null` where it is none, or has more than twelve places. */
export function parse(text: string): Pico | null {
  const match = DECIMAL.exec(text.trim());
  if (match === null) return null;
  const [, sign = "", whole = "0", fraction = ""] = match;
  const pico = BigInt(whole) * ONE + BigInt(fraction.padEnd(PLACES, "0"));
  return sign === "-" ? -pico : pico;
}

/** As `parse`, of an amount that the API wrote. */
export function pico(text: string): Pico {
  const parsed = parse(text);
  if (parsed === null) throw new Error(`not an amount: ${text}`);
  return parsed;
}

/** The shortest exact decimal, as the API takes it. */
export function toDecimal(amount: Pico): string {
  const { sign, whole, fraction } = split(amount);
  const short = fraction.replace(/0+$/, "");
  return `${sign === "" ? "" : "-"}${whole.toString()}${short === "" ? "" : `.${short}`}`;
}

/** For people, with every digit: `-1,234.0125`. At least two places. */
export function exact(amount: Pico | string): string {
  const { sign, whole, fraction } = split(of(amount));
  return `${sign}${grouped(whole)}.${fraction.replace(/0+$/, "").padEnd(2, "0")}`;
}

/** For people, rounded half away from zero to so many places. What is not zero and would look so is `<0.01`. */
export function rounded(amount: Pico | string, places = 2): string {
  const value = of(amount);
  const unit = 10n ** BigInt(PLACES - places);
  const absolute = value < 0n ? -value : value;
  const units = (absolute + unit / 2n) / unit;
  if (units === 0n && value !== 0n) return `${value < 0n ? "−" : ""}<${(10 ** -places).toFixed(places)}`;
  const { sign, whole, fraction } = split(value < 0n ? -(units * unit) : units * unit);
  return places === 0 ? `${sign}${grouped(whole)}` : `${sign}${grouped(whole)}.${fraction.slice(0, places)}`;
}

/** A price per token as the price of a million of them. */
export function perMillion(price: string): string {
  return exact(pico(price) * 1_000_000n);
}

/** The price per token of a price per million, as the API takes it; `null` where it is no decimal or too fine. */
export function perToken(million: string): string | null {
  const value = parse(million);
  if (value === null || value < 0n || value % 1_000_000n !== 0n) return null;
  return toDecimal(value / 1_000_000n);
}

export function sum(amounts: readonly (Pico | string)[]): Pico {
  return amounts.reduce<Pico>((total, amount) => total + of(amount), 0n);
}

/** For the height of a bar, and nothing else. */
export function toChart(amount: string): number {
  return Number(amount);
}

/** `text`, if it is more than zero and may be granted. */
export function positive(text: string): Pico | null {
  const value = parse(text);
  return value !== null && value > 0n ? value : null;
}

function of(amount: Pico | string): Pico {
  return typeof amount === "string" ? pico(amount) : amount;
}

function split(amount: Pico): { sign: string; whole: bigint; fraction: string } {
  const absolute = amount < 0n ? -amount : amount;
  return {
    sign: amount < 0n ? "−" : "",
    whole: absolute / ONE,
    fraction: (absolute % ONE).toString().padStart(PLACES, "0"),
  };
}

function grouped(whole: bigint): string {
  return whole.toString().replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}
