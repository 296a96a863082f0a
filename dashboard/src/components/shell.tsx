// What is around every page: where one can go, who is signed in, light and dark.

import { useEffect, useState, type ReactNode } from "react";

import { useResource } from "../api/use";
import type { Session, Status } from "../api/types";
import { href } from "../router";
import { may, ROLE_NAMES } from "../session/rights";
import { useTheme, type Theme } from "../session/theme";
import { Icon, type IconName } from "./icon";
import { Choice } from "./parts";

interface Place {
  to: string;
  label: string;
  icon: IconName;
  count?: number | undefined;
}

function places(session: Session, status: Status | null): { title: string; places: Place[] }[] {
  const own: Place[] = [
    { to: "account", label: "Balance", icon: "wallet" },
    { to: "ledger", label: "Ledger", icon: "ledger" },
    { to: "keys", label: "API keys", icon: "key" },
  ];
  if (session.role === null) return [{ title: "Your account", places: own }];
  const books = status?.books;
  const watch: Place[] = may(session, "watch")
    ? [
      { to: "quarantine", label: "Quarantine", icon: "quarantine", count: books?.quarantined_records },
      { to: "audit", label: "Audit log", icon: "audit" },
    ]
    : [];
  return [
    { title: "Platform", places: [{ to: "overview", label: "Overview", icon: "overview" }, { to: "users", label: "Users", icon: "users" }, { to: "models", label: "Models and prices", icon: "models" }, ...(may(session, "watch") ? [{ to: "endpoints", label: "Endpoints", icon: "endpoints" } as const] : [])] },
    { title: "To look after", places: [{ to: "unrated", label: "Unrated", icon: "unrated", count: books?.unrated_requests }, ...watch, ...(may(session, "manage") ? [{ to: "start", label: "First request", icon: "start" } as const] : [])] },
    { title: "Your account", places: own },
  ];
}

export function Shell({ session, current, onSignOut, children }: { session: Session; current: string; onSignOut: () => void; children: ReactNode }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const [theme, setTheme] = useTheme();
  const status = useResource<Status>(session.role === null ? null : "/status", {}, 15_000);
  useEffect(() => { setOpen(false); }, [current]);
  return (
    <div className="shell">
      <a className="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>Skip to the page</a>
      <header className="bar">
        <a className="brand" href="#/"><Mark />Tollgate</a>
        <button type="button" className="quiet square" aria-expanded={isOpen} aria-controls="places" aria-label="Menu" onClick={() => { setOpen(!isOpen); }}><Icon name={isOpen ? "close" : "menu"} /></button>
      </header>
      <nav id="places" className={isOpen ? "side open" : "side"} aria-label="Pages">
        <a className="brand" href="#/"><Mark />Tollgate</a>
        {places(session, status.data).map((group) => (
          <div className="group" key={group.title}>
            <h2>{group.title}</h2>
            <ul>
              {group.places.map((place) => (
                <li key={place.to}>
                  <a href={href([place.to])} aria-current={place.to === current ? "page" : undefined}>
                    <Icon name={place.icon} />{place.label}
                    {place.count !== undefined && place.count > 0 && <span className="count">{place.count > 9999 ? "9,999+" : place.count}<span className="unseen"> waiting</span></span>}
                  </a>
                </li>
              ))}
            </ul>
          </div>
        ))}
        <div className="who">
          <a href={href(["you"])} aria-current={current === "you" ? "page" : undefined}><Icon name="account" /><span><strong>{session.user.name}</strong><small>{session.role === null ? "Customer" : ROLE_NAMES[session.role]}</small></span></a>
          <button type="button" className="quiet" onClick={onSignOut}>Sign out</button>
          <Choice<Theme> label="Colours" value={theme} onChange={setTheme} options={[["system", "Auto"], ["light", "Light"], ["dark", "Dark"]]} />
        </div>
      </nav>
      <main id="main" tabIndex={-1}>{children}</main>
    </div>
  );
}

export function Mark(): ReactNode {
  return <svg className="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" /><path d="M9 23V9m0 3h15m-3-3-4 6m-4-6-4 6" /></svg>;
}
