// How it all goes: money, traffic, health.

import { useEffect, useState, type ReactNode } from "react";

import { useResource } from "../../api/use";
import type { GatewayStatus, Series, SeriesOfGroup, Status } from "../../api/types";
import { Groups, nameOfKey, nameOfModel, nameOfUser } from "../../charts/groups";
import { isRange, parametersOf, RANGES, type Range } from "../../charts/range";
import { Spark } from "../../charts/spark";
import { StackedChart, type Naming } from "../../charts/stacked";
import { Amount, Badge, Card, Choice, PageHead, Stat } from "../../components/parts";
import { Empty, Loaded, Skeleton } from "../../components/states";
import { href, replace, useRoute } from "../../router";
import { useSession } from "../../session/context";
import { may } from "../../session/rights";
import { formatBytes, formatCompact, formatCount, span } from "../../time/format";
import { Margin } from "./margin";

type By = "model" | "user" | "key";
const BYS = [["model", "By model"], ["user", "By user"], ["key", "By key"]] as const;
const NAMES: Record<By, { nameOf: Naming; what: string }> = {
  model: { nameOf: nameOfModel, what: "Model" },
  user: { nameOf: nameOfUser, what: "User" },
  key: { nameOf: nameOfKey, what: "Key" },
};

/** How often the server is asked again. */
const CHARTS_MS = 20_000;
const STATUS_MS = 4_000;

export function Overview(): ReactNode {
  const session = useSession();
  const { query } = useRoute();
  const asked = query.get("range");
  const range: Range = isRange(asked) ? asked : "24h";
  const by: By = BYS.find(([name]) => name === query.get("by"))?.[0] ?? "model";
  const show = (next: { range?: Range; by?: By }): void => { replace(href(["overview"], { range: next.range ?? range, by: next.by ?? by })); };
  const parameters = useParameters(range);
  const series = useResource<Series>("/usage-series", { ...parameters, group_by: by }, CHARTS_MS);
  const users = useResource<Series>("/usage-series", { ...parameters, group_by: "user" }, CHARTS_MS);
  const status = useResource<Status>("/status", {}, STATUS_MS);
  const linkOfUser = (group: SeriesOfGroup): string | null => (group.id ? href(["users", group.id]) : null);
  return (
    <>
      <PageHead title="Overview"><Choice label="Stretch of time" value={range} options={RANGES} onChange={(next) => { show({ range: next }); }} /></PageHead>
      <Loaded from={series} lines={3}>{({ total }) => (
        <dl className="stats">
          <Stat label="Spend" value={<Amount of={total.amount} places={2} />} note="credits charged" />
          <Stat label="Requests" value={formatCompact(total.requests)} note={total.failed_requests === 0 ? "none failed" : `${formatCount(total.failed_requests)} failed`} />
          <Stat label="Tokens in" value={formatCompact(total.prompt_tokens)} />
          <Stat label="Tokens out" value={formatCompact(total.completion_tokens)} />
        </dl>
      )}</Loaded>
      <Card title="Usage over time" aside={<Choice label="Told apart by" value={by} options={BYS} onChange={(next) => { show({ by: next }); }} />}>
        <Loaded from={series} lines={8}>{(data) => data.groups.length === 0
          ? (
            <Empty title="No requests in this time" action={may(session, "manage") ? <a className="button primary" href={href(["start"])}>Make the first request</a> : undefined}>
              As soon as somebody uses a key, it is here.
            </Empty>
          )
          : (
            <>
              <StackedChart series={data} title={`Usage ${BYS.find(([name]) => name === by)?.[1].toLowerCase() ?? ""}`} nameOf={NAMES[by].nameOf} />
              <Groups series={data} nameOf={NAMES[by].nameOf} what={NAMES[by].what} {...(by === "user" ? { linkOf: linkOfUser } : {})} />
            </>
          )}</Loaded>
      </Card>
      <Margin parameters={parameters} by={by} nameOf={NAMES[by].nameOf} what={NAMES[by].what} everyMs={CHARTS_MS} />
      <div className="columns">
        <Card title="Top users" aside={<a href={href(["users"])}>All users</a>}>
          <Loaded from={users} lines={5}>{(data) => data.groups.length === 0
            ? <Empty title="Nobody yet" />
            : (
              <ol className="ranks">
                {data.groups.map((group, place) => {
                  const share = Number(group.total.amount) / Math.max(Number(data.groups[0]?.total.amount ?? 0), 1e-12);
                  const to = linkOfUser(group);
                  return (
                    <li key={place}>
                      <span>{to === null ? nameOfUser(group) : <a href={to}>{nameOfUser(group)}</a>}</span>
                      <Amount of={group.total.amount} places={4} />
                      <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect width={Math.min(100, share * 100)} height="4" /></svg>
                    </li>
                  );
                })}
              </ol>
            )}</Loaded>
        </Card>
        <Card title="Health">
          <Loaded from={status} lines={5}>{(data) => <Health status={data} mayWatch={may(session, "watch")} />}</Loaded>
        </Card>
      </div>
    </>
  );
}

/** Parameters that move on with the time, so that an open page does not fall behind. */
function useParameters(range: Range): ReturnType<typeof parametersOf> {
  const [parameters, setParameters] = useState({ range, of: parametersOf(range) });
  useEffect(() => {
    const timer = setInterval(() => { setParameters({ range, of: parametersOf(range) }); }, 300_000);
    setParameters({ range, of: parametersOf(range) });
    return () => { clearInterval(timer); };
  }, [range]);
  return parameters.range === range ? parameters.of : parametersOf(range);
}

function Health({ status, mayWatch }: { status: Status; mayWatch: boolean }): ReactNode {
  const { books } = status;
  const gateway = status.gateway ?? null;
  return (
    <div className="health">
      {gateway === null ? <p className="muted">The management API runs here without a gateway, so there is nothing live to tell.</p> : <Live gateway={gateway} />}
      <ul className="checks">
        {gateway && (
          <>
            <Check is={gateway.is_ready ? "good" : "bad"} label="Gateway" value={gateway.is_ready ? "takes requests" : "refuses requests"} />
            <Check is={gateway.lag_seconds < 10 ? "good" : gateway.lag_seconds < 120 ? "warn" : "bad"} label="Books lag behind" value={gateway.waiting_records === 0 ? "not at all" : `${span(gateway.lag_seconds * 1000)}, ${formatCount(gateway.waiting_records)} records`} />
            <Check is={!gateway.spool_is_sound ? "bad" : gateway.spool_used_bytes * 2 > gateway.spool_limit_bytes ? "warn" : "good"} label="Spool" value={gateway.spool_is_sound ? `${formatBytes(gateway.spool_used_bytes)} of ${formatBytes(gateway.spool_limit_bytes)}` : "does not keep what it is given"} />
            {gateway.audit && <Check is={gateway.audit.differences > 0 ? "bad" : gateway.audit.last_right_at == null ? "warn" : "good"} label="Audit" value={gateway.audit.differences > 0 ? `${formatCount(gateway.audit.differences)} found wrong: see the server's log` : gateway.audit.last_right_at == null ? "has not ended yet" : `${formatCount(gateway.audit.checked_records)} new records, all right`} />}
          </>
        )}
        <Check is={books.unrated_requests === 0 ? "good" : "warn"} label="Unrated" value={books.unrated_requests === 0 ? "nothing waits for a price" : `${formatCount(books.unrated_requests)} wait for a price`} to={href(["unrated"])} />
        <Check is={books.quarantined_records === 0 ? "good" : "bad"} label="Quarantine" value={books.quarantined_records === 0 ? "empty" : `${formatCount(books.quarantined_records)} to look at`} to={mayWatch ? href(["quarantine"]) : undefined} />
        <Check is={books.users_out_of_credits === 0 ? "good" : "warn"} label="Out of credits" value={books.users_out_of_credits === 0 ? "nobody" : `${formatCount(books.users_out_of_credits)} of ${formatCount(books.users)} users`} to={href(["users"])} />
        {books.models_without_price > 0 && <Check is="warn" label="Without a price" value={`${formatCount(books.models_without_price)} of ${formatCount(books.models)} models`} to={href(["models"])} />}
      </ul>
    </div>
  );
}

function Check({ is, label, value, to }: { is: "good" | "warn" | "bad"; label: string; value: string; to?: string | undefined }): ReactNode {
  return (
    <li>
      <Badge tone={is}>{is === "good" ? "ok" : is === "warn" ? "look" : "act"}</Badge>
      <span>{to === undefined ? label : <a href={to}>{label}</a>}</span>
      <span className="muted">{value}</span>
    </li>
  );
}

/** Requests a second, from how many have ended at each look. */
function Live({ gateway }: { gateway: GatewayStatus }): ReactNode {
  const [looks, setLooks] = useState<{ at: number; ended: number }[]>([]);
  useEffect(() => {
    setLooks((before) => [...before, { at: performance.now(), ended: gateway.ended_requests }].slice(-46));
  }, [gateway]);
  const rates = looks.slice(1).map((look, index) => {
    const before = looks[index] ?? look;
    return Math.max(0, (look.ended - before.ended) / Math.max(0.001, (look.at - before.at) / 1000));
  });
  const now = rates.at(-1);
  return (
    <div className="live">
      <div>
        <span className="big">{now === undefined ? "…" : now >= 100 ? formatCompact(Math.round(now)) : now.toFixed(1)}</span>
        <span className="muted">requests/s, {formatCount(gateway.in_flight_requests)} under way</span>
      </div>
      {rates.length > 1 ? <Spark points={rates} label="Requests a second in the last minutes" /> : <Skeleton lines={1} label="Looking at the traffic" />}
    </div>
  );
}
