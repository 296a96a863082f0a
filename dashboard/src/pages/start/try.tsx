// The last step: a line to run, which turns green when its charge is in the books.

import { useState, type ReactNode } from "react";

import { path } from "../../api/client";
import { useResource } from "../../api/use";
import type { Entry, Listing, Model, Status } from "../../api/types";
import { Icon } from "../../components/icon";
import { Button, Code } from "../../components/parts";
import { exact } from "../../money/money";
import { href } from "../../router";
import { ReceiptDialog } from "../shared/receipt";
import type { Made } from "./steps";

/** Where clients reach the gateway: what it listens on, or this machine's name where it listens on all of them. */
export function gatewayUrl(address: string | undefined, hostname: string): string {
  const port = address?.match(/:(\d+)$/)?.[1] ?? "8080";
  const host = address?.replace(/:\d+$/, "") ?? "localhost";
  return `http://${["0.0.0.0", "[::]"].includes(host) ? hostname : host}:${port}`;
}

export function TryStep({ made, model }: { made: Made; model: Model }): ReactNode {
  const status = useResource<Status>("/status");
  const ledger = useResource<Listing<Entry>>(path`/users/${made.userId}/ledger`, { type: "usage", limit: 1 }, 1000);
  const [isOpen, setOpen] = useState(false);
  const charge = ledger.data?.data[0];
  const url = gatewayUrl(status.data?.gateway?.address, window.location.hostname);
  const body = JSON.stringify({ model: model.alias, messages: [{ role: "user", content: "Hello" }] }).replaceAll("'", "'\\''");
  const line = `curl ${url}/v1/chat/completions \\\n  -H 'authorization: Bearer ${made.secret}' \\\n  -H 'content-type: application/json' \\\n  -d '${body}'`;
  return (
    <div className={charge ? "try landed" : "try"}>
      <p>The key is in this line, and shown nowhere else. Keep it if you want to go on with it.</p>
      <Code text={line} label="A line to try it with" />
      <div className="landing" role="status">
        {charge
          ? (
            <>
              <Icon name="check" />
              <div>
                <strong>The first charge has landed: {exact(charge.amount.replace("-", ""))} credits.</strong>
                <p>What is left: {exact(charge.balance_after)}.</p>
              </div>
              {charge.request_id && <Button onClick={() => { setOpen(true); }}>See the receipt</Button>}
              <a className="button" href={href([])}>To the overview</a>
            </>
          )
          : <><span className="pulse" aria-hidden="true" /><p>Waiting for the first charge. A new key works within a second.</p></>}
      </div>
      {isOpen && charge?.request_id && <ReceiptDialog requestId={charge.request_id} onClose={() => { setOpen(false); }} />}
    </div>
  );
}
