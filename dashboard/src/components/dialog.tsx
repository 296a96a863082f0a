// Dialogs, by the browser's own element: it keeps the focus inside and gives it back. Money and what cannot be undone are confirmed here.

import { useId, useLayoutEffect, useRef, type ReactNode } from "react";

import type { Problem } from "../api/client";
import { Icon } from "./icon";
import { Button } from "./parts";
import { ErrorState } from "./states";

export function Dialog({ title, onClose, children, wide = false }: { title: string; onClose: () => void; children: ReactNode; wide?: boolean }): ReactNode {
  const element = useRef<HTMLDialogElement>(null);
  const label = useId();
  // Before it is taken from the page: a dialog that is closed gives the focus back, one that is gone does not.
  useLayoutEffect(() => {
    const dialog = element.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => { dialog?.close(); };
  }, []);
  return (
    <dialog ref={element} aria-labelledby={label} className={wide ? "wide" : ""} onCancel={(event) => { event.preventDefault(); onClose(); }}>
      <div className="dialog-head">
        <h2 id={label}>{title}</h2>
        <button type="button" className="quiet square" aria-label="Close" onClick={onClose}><Icon name="close" /></button>
      </div>
      {children}
    </dialog>
  );
}

/** A question with one dangerous answer. */
export function Confirm({ title, children, action, kind = "primary", busy, problem, onConfirm, onClose }: {
  title: string;
  children: ReactNode;
  action: string;
  kind?: "primary" | "danger";
  busy: boolean;
  problem: Problem | null;
  onConfirm: () => void;
  onClose: () => void;
}): ReactNode {
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="dialog-body">{children}</div>
      {problem && <ErrorState problem={problem} />}
      <div className="dialog-foot">
        <Button onClick={onClose}>Cancel</Button>
        <Button kind={kind} busy={busy} onClick={onConfirm}>{action}</Button>
      </div>
    </Dialog>
  );
}
