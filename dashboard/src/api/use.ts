// Data of the API in components: read when something it depends on changes, read again from time to time while the page is looked at.

import { useCallback, useEffect, useRef, useState } from "react";

import { get, type Problem, type Query } from "./client";
import type { Listing } from "./types";

export interface Resource<T> {
  /** What was read last. Kept while it is read again, also where that fails. */
  data: T | null;
  problem: Problem | null;
  isLoading: boolean;
  reload: () => void;
}

/** What `path` answers; nothing is asked while `path` is `null`. */
export function useResource<T>(path: string | null, query: Query = {}, everyMs = 0): Resource<T> {
  const key = path === null ? null : path + JSON.stringify(query);
  const [state, setState] = useState<{ key: string | null; data: T | null; problem: Problem | null }>({ key: null, data: null, problem: null });
  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => { setTurn((before) => before + 1); }, []);
  useEffect(() => {
    if (path === null || key === null) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async (): Promise<void> => {
      try {
        const data = await get<T>(path, JSON.parse(key.slice(path.length)) as Query, abort.signal);
        if (!abort.signal.aborted) setState({ key, data, problem: null });
      } catch (error) {
        if (abort.signal.aborted) return;
        setState((before) => ({ key, data: before.key === key ? before.data : null, problem: error as Problem }));
      }
      if (everyMs > 0 && !abort.signal.aborted) timer = setTimeout(again, everyMs);
    };
    const again = (): void => {
      // Nobody looks: look again in a while, without asking.
      if (document.hidden) timer = setTimeout(again, everyMs);
      else void read();
    };
    void read();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path, key, turn, everyMs]);
  const isCurrent = state.key === key;
  return { data: isCurrent ? state.data : null, problem: isCurrent ? state.problem : null, isLoading: key !== null && (!isCurrent || (state.data === null && state.problem === null)), reload };
}

export interface Pages<T> extends Resource<T[]> {
  hasMore: boolean;
  isLoadingMore: boolean;
  more: () => void;
}

/** A list with cursors: the first page, and further ones when asked for. */
export function usePages<T>(path: string | null, query: Query = {}, everyMs = 0): Pages<T> {
  const first = useResource<Listing<T>>(path, query, everyMs);
  const key = (path ?? "") + JSON.stringify(query);
  const [rest, setRest] = useState<{ key: string; rows: T[]; cursor: string | null; problem: Problem | null } | null>(null);
  const [isLoadingMore, setLoadingMore] = useState(false);
  const isBusy = useRef(false);
  const mine = rest !== null && rest.key === key ? rest : null;
  const cursor = mine ? mine.cursor : (first.data?.next_cursor ?? null);
  // Rows that were there when more were asked for stay as they were: read again, the first page would no longer meet the next.
  const shown = mine?.rows ?? first.data?.data ?? [];
  const more = (): void => {
    if (path === null || cursor === null || isBusy.current) return;
    isBusy.current = true;
    setLoadingMore(true);
    get<Listing<T>>(path, { ...query, cursor })
      .then((page) => { setRest({ key, rows: [...shown, ...page.data], cursor: page.next_cursor ?? null, problem: null }); })
      .catch((problem: unknown) => { setRest({ key, rows: shown, cursor, problem: problem as Problem }); })
      .finally(() => {
        isBusy.current = false;
        setLoadingMore(false);
      });
  };
  const reload = (): void => {
    setRest(null);
    first.reload();
  };
  return {
    data: first.data || mine ? shown : null,
    problem: first.problem ?? mine?.problem ?? null,
    isLoading: first.isLoading,
    reload,
    hasMore: cursor !== null,
    isLoadingMore,
    more,
  };
}

/** Something that is done on demand: whether it is under way, and how it failed. */
export function useAction<A extends unknown[]>(act: (...with_: A) => Promise<void>): { run: (...with_: A) => void; isBusy: boolean; problem: Problem | null; reset: () => void } {
  const [state, setState] = useState<{ isBusy: boolean; problem: Problem | null }>({ isBusy: false, problem: null });
  const busy = useRef(false);
  const run = (...with_: A): void => {
    if (busy.current) return;
    busy.current = true;
    setState({ isBusy: true, problem: null });
    act(...with_)
      .then(() => { setState({ isBusy: false, problem: null }); })
      .catch((problem: unknown) => { setState({ isBusy: false, problem: problem as Problem }); })
      .finally(() => { busy.current = false; });
  };
  return { run, ...state, reset: () => { setState({ isBusy: false, problem: null }); } };
}
