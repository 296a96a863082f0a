// From nothing to the first charge: where a model runs, what it costs, who pays, and one line to try it with.

import { useState, type ReactNode } from "react";

import { useResource } from "../../api/use";
import type { Endpoint, Model, Whole } from "../../api/types";
import { Icon } from "../../components/icon";
import { PageHead } from "../../components/parts";
import { Loaded } from "../../components/states";
import { EndpointTest } from "../shared/endpoint-test";
import { EndpointStep, ModelStep, UserStep, type Made } from "./steps";
import { TryStep } from "./try";

export function FirstRequest(): ReactNode {
  const endpoints = useResource<Whole<Endpoint>>("/endpoints");
  const models = useResource<Whole<Model>>("/models");
  const [endpoint, setEndpoint] = useState<Endpoint | null>(null);
  const [model, setModel] = useState<Model | null>(null);
  const [made, setMade] = useState<Made | null>(null);
  const at = made ? 3 : model ? 2 : endpoint ? 1 : 0;
  return (
    <>
      <PageHead title="First request" lead="Four steps to a request that is metered and charged." />
      <ol className="steps">
        <Step at={at} number={0} title="Where does the model run?" done={endpoint ? `${endpoint.name}, ${endpoint.base_url}` : ""} change={() => { setEndpoint(null); setModel(null); setMade(null); }}>
          <Loaded from={endpoints} lines={3}>{({ data }) => <EndpointStep existing={data} onDone={setEndpoint} />}</Loaded>
        </Step>
        <Step at={at} number={1} title="What is it called, and what does it cost?" done={model ? model.alias : ""} change={() => { setModel(null); setMade(null); }}>
          {endpoint && <EndpointTest endpoint={endpoint} />}
          {endpoint && <Loaded from={models} lines={3}>{({ data }) => <ModelStep endpoint={endpoint} existing={data.filter((one) => one.endpoint_id === endpoint.id)} onDone={setModel} />}</Loaded>}
        </Step>
        <Step at={at} number={2} title="Who pays?" done={made ? `${made.userName}, with a new key` : ""} change={() => { setMade(null); }}>
          <UserStep onDone={setMade} />
        </Step>
        <Step at={at} number={3} title="Try it" done="">
          {made && model && <TryStep made={made} model={model} />}
        </Step>
      </ol>
    </>
  );
}

function Step({ at, number, title, done, change, children }: { at: number; number: number; title: string; done: string; change?: () => void; children: ReactNode }): ReactNode {
  const state = at === number ? "now" : at > number ? "done" : "later";
  return (
    <li className={`step ${state}`} aria-current={state === "now" ? "step" : undefined}>
      <span className="step-mark" aria-hidden="true">{state === "done" ? <Icon name="check" /> : number + 1}</span>
      <div>
        <h2>{title}{state === "done" && <span className="unseen"> (done)</span>}</h2>
        {state === "done" && <p className="muted">{done} {change && at < 3 && <button type="button" className="quiet" onClick={change}>Change<span className="unseen"> the answer to “{title}”</span></button>}</p>}
        {state === "now" && children}
      </div>
    </li>
  );
}
