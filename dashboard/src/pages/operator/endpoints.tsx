// Where models run. Credentials go in and never come out.

import { useState, type SubmitEvent, type ReactNode } from "react";

import { call, path, post } from "../../api/client";
import { useAction, useResource } from "../../api/use";
import type { Endpoint, Whole } from "../../api/types";
import { Confirm, Dialog } from "../../components/dialog";
import { Icon } from "../../components/icon";
import { Button, Field, PageHead } from "../../components/parts";
import { Empty, ErrorState, Loaded } from "../../components/states";
import { Table } from "../../components/table";
import { useSession } from "../../session/context";
import { may } from "../../session/rights";
import { EndpointTest } from "../shared/endpoint-test";

export const AUTH_STYLES = ["bearer", "x-api-key", "api-key", "x-goog-api-key", "none"];

export function Endpoints(): ReactNode {
  const mayManage = may(useSession(), "manage");
  const endpoints = useResource<Whole<Endpoint>>("/endpoints");
  const [edited, setEdited] = useState<Endpoint | "new" | null>(null);
  const [removed, setRemoved] = useState<Endpoint | null>(null);
  const [tested, setTested] = useState<Endpoint | null>(null);
  const remove = useAction(async (endpoint: Endpoint) => {
    await call("DELETE", path`/endpoints/${endpoint.id}`);
    setRemoved(null);
    endpoints.reload();
  });
  const actions = (endpoint: Endpoint): ReactNode => (
    <span className="row-actions">
      <button type="button" className="quiet" onClick={() => { setTested(endpoint); }}>Test<span className="unseen"> {endpoint.name}</span></button>
      <button type="button" className="quiet" onClick={() => { setEdited(endpoint); }}>Change<span className="unseen"> {endpoint.name}</span></button>
      <button type="button" className="quiet" onClick={() => { remove.reset(); setRemoved(endpoint); }}>Delete<span className="unseen"> {endpoint.name}</span></button>
    </span>
  );
  return (
    <>
      <PageHead title="Endpoints" lead="Where models run: providers and servers of your own.">
        {mayManage && <Button kind="primary" onClick={() => { setEdited("new"); }}><Icon name="plus" />New endpoint</Button>}
      </PageHead>
      <div className="card flush">
        <Loaded from={endpoints} lines={4}>{({ data }) => data.length === 0
          ? <Empty title="No endpoints yet">An endpoint is an address that speaks one of the providers’ APIs, with your credential for it.</Empty>
          : (
            <Table caption="Endpoints" rows={data} rowKey={(endpoint) => endpoint.id} columns={[
              { head: "Name", isHead: true, cell: (endpoint) => endpoint.name },
              { head: "Address", cell: (endpoint) => <code>{endpoint.base_url}</code> },
              { head: "Credential", isMinor: true, cell: (endpoint) => (endpoint.auth_style === "none" ? <span className="muted">none</span> : endpoint.auth_style) },
              { head: "Provider", isMinor: true, cell: (endpoint) => endpoint.provider_name ?? <span className="muted">–</span> },
              ...(mayManage ? [{ head: "Do", cell: actions }] : []),
            ]} />
          )}</Loaded>
      </div>
      {edited !== null && <Edit endpoint={edited === "new" ? null : edited} onClose={() => { setEdited(null); }} onDone={() => { setEdited(null); endpoints.reload(); }} />}
      {tested && (
        <Dialog title={`Test ${tested.name}`} onClose={() => { setTested(null); }}>
          <p className="muted">It is asked for its list of models, with its credential: a real request, which costs nothing.</p>
          <EndpointTest endpoint={tested} />
        </Dialog>
      )}
      {removed && (
        <Confirm title={`Delete ${removed.name}?`} action="Delete endpoint" kind="danger" busy={remove.isBusy} problem={remove.problem} onConfirm={() => { remove.run(removed); }} onClose={() => { setRemoved(null); }}>
          <p>One that a model uses cannot be deleted. The stored credential is gone with it.</p>
        </Confirm>
      )}
    </>
  );
}

function Edit({ endpoint, onDone, onClose }: { endpoint: Endpoint | null; onDone: () => void; onClose: () => void }): ReactNode {
  const [name, setName] = useState(endpoint?.name ?? "");
  const [url, setUrl] = useState(endpoint?.base_url ?? "");
  const [style, setStyle] = useState(endpoint?.auth_style ?? "bearer");
  const [credential, setCredential] = useState("");
  const save = useAction(async () => {
    // An address that is sent is checked anew, and one that stays may lead where only the command line may point it.
    const settings = { ...(endpoint !== null && url === endpoint.base_url ? {} : { base_url: url }), ...(endpoint === null || style !== endpoint.auth_style ? { auth_style: style } : {}), ...(credential === "" ? {} : { credential }) };
    if (endpoint === null) await post("/endpoints", { name, ...settings });
    else if (Object.keys(settings).length > 0) await call("PATCH", path`/endpoints/${endpoint.id}`, { body: settings });
    onDone();
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    save.run();
  };
  return (
    <Dialog title={endpoint === null ? "New endpoint" : `Change ${endpoint.name}`} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        {endpoint === null && <Field label="Name">{(field) => <input {...field} required maxLength={200} value={name} onChange={(event) => { setName(event.target.value); }} />}</Field>}
        <Field label="Address" hint="Moved to another host, an endpoint needs its credential anew.">{(field) => <input {...field} type="url" required placeholder="https://api.openai.com" value={url} onChange={(event) => { setUrl(event.target.value); }} />}</Field>
        <Field label="How it wants its credential">{(field) => <select {...field} value={style} onChange={(event) => { setStyle(event.target.value); }}>{AUTH_STYLES.map((one) => <option key={one}>{one}</option>)}</select>}</Field>
        {style !== "none" && <Field label={endpoint === null ? "Credential" : "New credential (optional)"} hint="Stored sealed, and never shown again.">{(field) => <input {...field} type="password" autoComplete="off" required={endpoint === null} value={credential} onChange={(event) => { setCredential(event.target.value); }} />}</Field>}
        {save.problem && <ErrorState problem={save.problem} />}
        <div className="dialog-foot"><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit" busy={save.isBusy}>{endpoint === null ? "Create endpoint" : "Save"}</Button></div>
      </form>
    </Dialog>
  );
}
