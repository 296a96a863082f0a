// Small parts of which pages are made.

import { useEffect, useId, useRef, useState, type ComponentProps, type ReactNode } from "react";

import { exact, pico, rounded } from "../money/money";
import { ago, formatInstant } from "../time/format";
import { Icon } from "./icon";

/** The head of a page. Its heading gets the focus when the page changes, so that it is read out. */
export function PageHead({ title, children, lead, back }: { title: string; children?: ReactNode; lead?: ReactNode; back?: { href: string; label: string } }): ReactNode {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Tollgate`;
  }, [title]);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, []);
  return (
    <header className="page-head">
      <div>
        {back && <a className="back" href={back.href}>← {back.label}</a>}
        <h1 tabIndex={-1} ref={heading}>{title}</h1>
        {lead !== undefined && <p className="lead">{lead}</p>}
      </div>
      {children !== undefined && <div className="actions">{children}</div>}
    </header>
  );
}

export function Card({ title, aside, children, id }: { title?: ReactNode; aside?: ReactNode; children: ReactNode; id?: string }): ReactNode {
  const label = useId();
  return (
    <section className="card" {...(id === undefined ? {} : { id })} {...(title === undefined ? {} : { "aria-labelledby": label })}>
      {title !== undefined && <div className="card-head"><h2 id={label}>{title}</h2>{aside}</div>}
      {children}
    </section>
  );
}

export function Stat({ label, value, note, tone }: { label: string; value: ReactNode; note?: ReactNode; tone?: "good" | "warn" | "bad" | undefined }): ReactNode {
  return (
    <div className={`stat${tone ? ` ${tone}` : ""}`}>
      <dt>{label}</dt>
      <dd>{value}</dd>
      {note !== undefined && <dd className="note">{note}</dd>}
    </div>
  );
}

/** An amount. Rounded ones tell all their digits to whoever points at them. */
export function Amount({ of, places, signed = false }: { of: string; places?: number; signed?: boolean }): ReactNode {
  const value = pico(of);
  const plus = signed && value > 0n ? "+" : "";
  const text = places === undefined ? exact(value) : rounded(value, places);
  const tone = value < 0n ? "amount negative" : signed && value > 0n ? "amount positive" : "amount";
  return <span className={tone} title={`${exact(value)} credits`}>{plus}{text}</span>;
}

export function Badge({ tone = "plain", children }: { tone?: "plain" | "good" | "warn" | "bad" | "accent"; children: ReactNode }): ReactNode {
  return <span className={`badge ${tone}`}>{children}</span>;
}

export function When({ at, relative = false }: { at: string; relative?: boolean }): ReactNode {
  const whole = formatInstant(at);
  return <time dateTime={at} title={whole}>{relative ? ago(at) : whole}</time>;
}

/** A field with its label, a hint, and what is wrong with what is in it. */
export function Field({ label, hint, error, children }: { label: string; hint?: ReactNode; error?: string | null | undefined; children: (props: { id: string; "aria-describedby"?: string; "aria-invalid"?: boolean }) => ReactNode }): ReactNode {
  const id = useId();
  const said = Boolean(hint) || Boolean(error);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, ...(said ? { "aria-describedby": `${id}-hint` } : {}), ...(error ? { "aria-invalid": true } : {}) })}
      {said && <p className={error ? "hint error" : "hint"} id={`${id}-hint`}>{error ?? hint}</p>}
    </div>
  );
}

/** A button that says while it is at work. */
export function Button({ busy = false, kind = "plain", children, ...rest }: ComponentProps<"button"> & { busy?: boolean; kind?: "plain" | "primary" | "danger" | "quiet" }): ReactNode {
  return (
    <button type="button" {...rest} className={kind} aria-busy={busy} disabled={busy || rest.disabled === true}>
      {children}
    </button>
  );
}

export function Copy({ text, label }: { text: string; label: string }): ReactNode {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => { setCopied(false); }, 2000);
    return () => { clearTimeout(timer); };
  }, [copied]);
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(() => { setCopied(true); }).catch(() => { setCopied(false); });
  };
  return (
    <button type="button" className="quiet copy" onClick={copy}>
      <Icon name={copied ? "check" : "copy"} />
      <span aria-live="polite">{copied ? "Copied" : label}</span>
    </button>
  );
}

/** Text for programs, which is shown whole and can be copied. */
export function Code({ text, label }: { text: string; label: string }): ReactNode {
  return (
    <div className="code">
      <pre tabIndex={0} aria-label={label}>{text}</pre>
      <Copy text={text} label="Copy" />
    </div>
  );
}

/** One of a few, side by side. */
export function Choice<T extends string>({ label, value, options, onChange }: { label: string; value: T; options: readonly (readonly [T, string])[]; onChange: (value: T) => void }): ReactNode {
  const name = useId();
  return (
    <fieldset className="choice">
      <legend className="unseen">{label}</legend>
      {options.map(([option, text]) => (
        <label key={option}>
          <input type="radio" name={name} value={option} checked={option === value} onChange={() => { onChange(option); }} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}
