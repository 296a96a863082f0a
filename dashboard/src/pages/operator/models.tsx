// What can be asked for, and what it costs now.

import { useState, type SubmitEvent, type ReactNode } from "react";

import { path, post } from "../../api/client";
import { useAction, useResource } from "../../api/use";
import type { Endpoint, Model, Tariff, Whole } from "../../api/types";
import { isInForce } from "../../charts/timeline";
import { Dialog } from "../../components/dialog";
import { Icon } from "../../components/icon";
import { Badge, Button, Field, PageHead } from "../../components/parts";
import { Empty, ErrorState, Loaded } from "../../components/states";
import { Table } from "../../components/table";
import { perMillion } from "../../money/money";
import { go, href } from "../../router";
import { useSession } from "../../session/context";
import { may } from "../../session/rights";

export function Models(): ReactNode {
  const session = useSession();
  const models = useResource<Whole<Model>>("/models");
  const [isNew, setNew] = useState(false);
  return (
    <>
      <PageHead title="Models and prices" lead="The names that clients ask for. Prices are in credits per million tokens.">
        {may(session, "manage") && <Button kind="primary" onClick={() => { setNew(true); }}><Icon name="plus" />New model</Button>}
      </PageHead>
      <div className="card flush">
        <Loaded from={models} lines={5}>{({ data }) => data.length === 0
          ? <Empty title="No models yet" action={may(session, "manage") ? <a className="button primary" href={href(["start"])}>Set up the first one</a> : undefined}>A model is offered by an endpoint and has prices.</Empty>
          : (
            <Table caption="Models" rows={data} rowKey={(model) => model.id} columns={[
              { head: "Model", isHead: true, cell: (model) => <a href={href(["models", model.id])}>{model.alias}</a> },
              { head: "In", numeric: true, cell: (model) => <Price model={model} kind="input_price" /> },
              { head: "Out", numeric: true, cell: (model) => <Price model={model} kind="output_price" /> },
              { head: "Endpoint", isMinor: true, cell: (model) => model.endpoint_name },
              { head: "Called there", isMinor: true, cell: (model) => <code>{model.upstream_model}</code> },
            ]} />
          )}</Loaded>
      </div>
      {isNew && <NewModel onClose={() => { setNew(false); }} />}
    </>
  );
}

/** The realtime price in force. */
function Price({ model, kind }: { model: Model; kind: "input_price" | "output_price" }): ReactNode {
  const tariffs = useResource<Whole<Tariff>>(path`/models/${model.id}/tariffs`);
  if (tariffs.data === null) return <span className="muted">{tariffs.problem ? "unknown" : "…"}</span>;
  const now = Date.now();
  const price = tariffs.data.data.find((tariff) => tariff.purpose === "realtime" && !tariff.completion_window && isInForce(tariff, now));
  return price ? <span className="number">{perMillion(price.prices[kind])}</span> : <Badge tone="warn">none</Badge>;
}

function NewModel({ onClose }: { onClose: () => void }): ReactNode {
  const endpoints = useResource<Whole<Endpoint>>("/endpoints");
  const [alias, setAlias] = useState("");
  const [endpoint, setEndpoint] = useState("");
  const [upstream, setUpstream] = useState("");
  const create = useAction(async () => {
    const model = await post<Model>("/models", { alias, endpoint_id: endpoint || endpoints.data?.data[0]?.id, upstream_model: upstream === "" ? null : upstream });
    go(href(["models", model.id]));
  });
  const problem = create.problem ?? endpoints.problem;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    create.run();
  };
  return (
    <Dialog title="New model" onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <Field label="Name that clients use">{(field) => <input {...field} required maxLength={200} value={alias} onChange={(event) => { setAlias(event.target.value); }} />}</Field>
        <Field label="Endpoint">{(field) => (
          <select {...field} required value={endpoint} onChange={(event) => { setEndpoint(event.target.value); }}>
            {endpoints.data?.data.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
          </select>
        )}</Field>
        <Field label="Name that the endpoint uses" hint="Left empty, the same.">{(field) => <input {...field} value={upstream} onChange={(event) => { setUpstream(event.target.value); }} />}</Field>
        {problem && <ErrorState problem={problem} />}
        <div className="dialog-foot"><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit" busy={create.isBusy}>Create model</Button></div>
      </form>
    </Dialog>
  );
}
