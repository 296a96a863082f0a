// One model: its prices of all times on a line, and how to set new ones.

import { useState, type ReactNode } from "react";

import { path } from "../../api/client";
import { useResource } from "../../api/use";
import type { Model, Prices, Tariff, Whole } from "../../api/types";
import { isInForce, laneName, Timeline } from "../../charts/timeline";
import { Icon } from "../../components/icon";
import { Badge, Button, Card, PageHead, When } from "../../components/parts";
import { Empty, Loaded } from "../../components/states";
import { Table } from "../../components/table";
import { exact, perMillion } from "../../money/money";
import { href } from "../../router";
import { useSession } from "../../session/context";
import { may } from "../../session/rights";
import { formatCount } from "../../time/format";
import { ModelCosts } from "./model-costs";
import { ModelLimits } from "./model-limits";
import { SetPrice } from "./set-price";

const FURTHER: readonly (readonly [keyof Prices, string])[] = [
  ["cache_read_price", "cache read"], ["cache_write_5m_price", "cache write, 5 min"], ["cache_write_1h_price", "cache write, 1 h"],
  ["audio_input_price", "audio in"], ["image_input_price", "image in"], ["reasoning_price", "reasoning"], ["audio_output_price", "audio out"],
];

export function ModelPage({ id }: { id: string }): ReactNode {
  const session = useSession();
  const model = useResource<Model>(path`/models/${id}`);
  const tariffs = useResource<Whole<Tariff>>(path`/models/${id}/tariffs`);
  const [isSetting, setSetting] = useState(false);
  const [said, setSaid] = useState("");
  return (
    <Loaded from={model}>{(what) => (
      <>
        <PageHead title={what.alias} back={{ href: href(["models"]), label: "Models and prices" }} lead={<>Offered by {what.endpoint_name}, called <code>{what.upstream_model}</code> there.</>}>
          {may(session, "prices") && <Button kind="primary" disabled={tariffs.data === null} onClick={() => { setSetting(true); }}><Icon name="plus" />New price</Button>}
        </PageHead>
        <p role="status" className={said === "" ? "unseen" : "notice good"}>{said}</p>
        <Loaded from={tariffs} lines={6}>{({ data }) => data.length === 0
          ? <Card><Empty title="No price yet">What is asked of this model is kept as unrated, and charged once there is a price for its time.</Empty></Card>
          : (
            <>
              <Card title="Prices over time"><Timeline tariffs={data} /></Card>
              <div className="card flush"><History tariffs={data} /></div>
            </>
          )}</Loaded>
        <ModelCosts model={what} mayChange={may(session, "prices")} />
        <ModelLimits model={what} mayChange={may(session, "manage")} />
        {isSetting && tariffs.data && (
          <SetPrice model={what} tariffs={tariffs.data.data} onClose={() => { setSetting(false); }} onDone={(change) => {
            setSetting(false);
            setSaid(`The price is set.${change.rated_requests > 0 ? ` ${formatCount(change.rated_requests)} requests that had waited were charged ${exact(change.charged)} credits.` : ""}`);
            tariffs.reload();
          }} />
        )}
      </>
    )}</Loaded>
  );
}

function History({ tariffs }: { tariffs: Tariff[] }): ReactNode {
  const now = Date.now();
  const state = (tariff: Tariff): ReactNode => {
    if (tariff.valid_until === tariff.valid_from) return <Badge>withdrawn</Badge>;
    if (isInForce(tariff, now)) return <Badge tone="good">in force</Badge>;
    return Date.parse(tariff.valid_from) > now ? <Badge tone="accent">to come</Badge> : <Badge>past</Badge>;
  };
  const rows = [...tariffs].sort((one, other) => other.valid_from.localeCompare(one.valid_from));
  return (
    <Table caption="Every price, newest first, in credits per million tokens" rows={rows} rowKey={(tariff) => tariff.id} columns={[
      { head: "For", isHead: true, cell: (tariff) => laneName(tariff) },
      { head: "State", cell: state },
      { head: "In", numeric: true, cell: (tariff) => <span className="number">{perMillion(tariff.prices.input_price)}</span> },
      { head: "Out", numeric: true, cell: (tariff) => <span className="number">{perMillion(tariff.prices.output_price)}</span> },
      { head: "Further", isMinor: true, cell: (tariff) => <Further prices={tariff.prices} /> },
      { head: "From", cell: (tariff) => <When at={tariff.valid_from} /> },
      { head: "Until", cell: (tariff) => (tariff.valid_until ? <When at={tariff.valid_until} /> : <span className="muted">further notice</span>) },
    ]} />
  );
}

function Further({ prices }: { prices: Prices }): ReactNode {
  const set = FURTHER.flatMap(([kind, label]) => (prices[kind] ? [`${label} ${perMillion(prices[kind])}`] : []));
  if (prices.request_price) set.push(`each request ${exact(prices.request_price)}`);
  return set.length === 0 ? <span className="muted">–</span> : set.join(" · ");
}
