// What is there while nothing is: loading, an error, an empty list.

import type { ReactNode } from "react";

import type { Problem } from "../api/client";
import type { Resource } from "../api/use";
import { Icon } from "./icon";

export function Skeleton({ lines = 4, label = "Loading" }: { lines?: number; label?: string }): ReactNode {
  return (
    <div className="skeleton" role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, line) => <span key={line} aria-hidden="true" />)}
    </div>
  );
}

export function ErrorState({ problem, retry }: { problem: Problem; retry?: (() => void) | undefined }): ReactNode {
  return (
    <div className="notice bad" role="alert">
      <Icon name="alert" />
      <div>
        <strong>{problem.title}</strong>
        <p>{problem.message}</p>
        {problem.retryAfter !== null && <p>Try again in {problem.retryAfter} s.</p>}
      </div>
      {retry && <button type="button" className="quiet" onClick={retry}>Try again</button>}
    </div>
  );
}

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      <svg viewBox="0 0 96 40" aria-hidden="true"><path d="M4 36h88M12 36V22m14 14V14m14 22V26m14 10V8m14 28V20m14 16V28" /></svg>
      <p className="empty-title">{title}</p>
      {children !== undefined && <p>{children}</p>}
      {action}
    </div>
  );
}

/** What was read, or why it is not there. Old data stays in sight while a new try fails. */
export function Loaded<T>({ from, children, lines }: { from: Resource<T>; children: (data: T) => ReactNode; lines?: number }): ReactNode {
  if (from.data === null) {
    return from.problem ? <ErrorState problem={from.problem} retry={from.reload} /> : <Skeleton {...(lines === undefined ? {} : { lines })} />;
  }
  return (
    <>
      {from.problem && <ErrorState problem={from.problem} retry={from.reload} />}
      {children(from.data)}
    </>
  );
}
