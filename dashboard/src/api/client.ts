// Asking the management API. The session's cookie goes along by itself; what writes carries the session's CSRF token.

/** An answer that is no success, as RFC 9457 has it. */
export class Problem extends Error {
  override readonly name = "Problem";
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    detail: string,
    /** Seconds to wait before another try. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail);
  }
}

const BASE = "/admin/api/v1";
let csrfToken: string | null = null;
let onSignedOut: () => void = () => undefined;

/** What writes carry from now on. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** What happens when the session has ended. */
export function whenSignedOut(then: () => void): void {
  onSignedOut = then;
}

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface Options {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** A 401 is an answer like any other: nobody is signed out by it. */
  quietly?: boolean;
}

/** One request. Fails with a `Problem`. */
export async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json", ...options.headers };
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET" && csrfToken !== null) headers["x-csrf-token"] = csrfToken;
  const init: RequestInit = { method, headers, credentials: "same-origin" };
  if (options.body !== undefined) init.body = JSON.stringify(options.body);
  if (options.signal) init.signal = options.signal;
  let response: Response;
  try {
    response = await fetch(BASE + path + queryOf(options.query), init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "unreachable", "The server does not answer", "Check the connection to the server; it is tried again.");
  }
  if (response.status === 204) return undefined as T;
  if (response.ok) return (await response.json()) as T;
  const problem = await problemOf(response);
  // A wrong password is no ended session.
  if (problem.status === 401 && problem.code !== "wrong_credentials" && options.quietly !== true) onSignedOut();
  throw problem;
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
  call<T>("GET", path, { ...(query ? { query } : {}), ...(signal ? { signal } : {}) });
export const post = <T>(path: string, body?: unknown, headers?: Record<string, string>): Promise<T> =>
  call<T>("POST", path, { ...(body === undefined ? {} : { body }), ...(headers ? { headers } : {}) });

/** A path with ids in it. */
export function path(parts: TemplateStringsArray, ...ids: string[]): string {
  return parts.reduce((text, part, index) => text + part + (index < ids.length ? encodeURIComponent(ids[index] ?? "") : ""), "");
}

/** A key under which a write of money counts once, however often it is sent. */
export function idempotencyKey(): string {
  // Not `randomUUID`: browsers have it only where the page came over TLS, or from this machine.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function queryOf(query: Query | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

async function problemOf(response: Response): Promise<Problem> {
  const retryAfter = Number(response.headers.get("retry-after"));
  const wait = Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : null;
  try {
    const said = (await response.json()) as { code?: string; title?: string; detail?: string };
    return new Problem(response.status, said.code ?? "unknown", said.title ?? "It did not work", said.detail ?? "", wait);
  } catch {
    return new Problem(response.status, "unknown", "It did not work", `The server answered ${String(response.status)}.`, wait);
  }
}
