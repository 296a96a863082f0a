// How much everybody together may ask of a model.

import { useState, type ReactNode } from "react";

import { path } from "../../api/client";
import { useResource } from "../../api/use";
import type { Limited, Listing, Model } from "../../api/types";
import { Button, Card } from "../../components/parts";
import { Loaded } from "../../components/states";
import { formatCount } from "../../time/format";
import { SetLimits } from "../shared/limits";

export function ModelLimits({ model, mayChange }: { model: Model; mayChange: boolean }): ReactNode {
  const found = useResource<Listing<Limited>>("/limits", { id: model.id });
  const [isSetting, setSetting] = useState(false);
  const limits = found.data?.data[0]?.limits ?? null;
  const most = (count: number | null | undefined): string => (count ? formatCount(count) : "no limit");
  return (
    <Card title="Limits of everybody together" aside={mayChange && <Button disabled={found.data === null} onClick={() => { setSetting(true); }}>Change limits</Button>}>
      <Loaded from={found} lines={2}>{() => (
        <dl className="sums">
          <div><dt>Requests a minute</dt><dd className="number">{most(limits?.requests_per_minute)}</dd></div>
          <div><dt>Tokens a minute</dt><dd className="number">{most(limits?.tokens_per_minute)}</dd></div>
          <div><dt>Requests at once</dt><dd className="number">{most(limits?.concurrent_requests)}</dd></div>
        </dl>
      )}</Loaded>
      {isSetting && <SetLimits subject={{ name: model.alias, route: path`/models/${model.id}/limits`, hasCaps: false, limits }} onClose={() => { setSetting(false); }} onDone={() => { setSetting(false); found.reload(); }} />}
    </Card>
  );
}
