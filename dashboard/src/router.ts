// Client-side routes live in the hash, `#/users/…?tab=ledger`, so that one page serves them all.

import { useSyncExternalStore } from "react";

export interface Route {
  /** `["users", "…"]` */
  parts: string[];
  query: URLSearchParams;
}

function subscribe(changed: () => void): () => void {
  window.addEventListener("hashchange", changed);
  return () => { window.removeEventListener("hashchange", changed); };
}

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { parts: path.split("/").filter((part) => part !== "").map(decode), query: new URLSearchParams(query) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => window.location.hash));
}

/** `#/users/ID?tab=ledger` */
export function href(parts: string[], query: Record<string, string | null | undefined> = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== null && value !== undefined && value !== "") parameters.set(name, value);
  const text = parameters.toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${text === "" ? "" : `?${text}`}`;
}

export function go(to: string): void {
  window.location.hash = to;
}

/** As `go`, without a step in the history: for filters. */
export function replace(to: string): void {
  window.history.replaceState(null, "", to);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}
