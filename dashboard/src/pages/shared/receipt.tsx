// The receipt of one request: what was used, at which price, and the arithmetic.

import type { ReactNode } from "react";

import { path } from "../../api/client";
import { useResource } from "../../api/use";
import type { Receipt } from "../../api/types";
import { Dialog } from "../../components/dialog";
import { Badge, Copy, When } from "../../components/parts";
import { Loaded } from "../../components/states";
import { Table } from "../../components/table";
import { exact, perMillion } from "../../money/money";
import { formatCount } from "../../time/format";

export function ReceiptDialog({ requestId, onClose }: { requestId: string; onClose: () => void }): ReactNode {
  const receipt = useResource<Receipt>(path`/receipts/${requestId}`);
  return (
    <Dialog title="Receipt" onClose={onClose} wide>
      <Loaded from={receipt} lines={6}>{(data) => <Paper receipt={data} />}</Loaded>
    </Dialog>
  );
}

export function Paper({ receipt }: { receipt: Receipt }): ReactNode {
  const { tokens } = receipt;
  const known = (count: number | null | undefined): string => (count === null || count === undefined ? "unknown" : formatCount(count));
  return (
    <div className="paper">
      <dl className="sums">
        <div><dt>Request</dt><dd className="id">{receipt.request_id} <Copy text={receipt.request_id} label="Copy id" /></dd></div>
        <div><dt>At</dt><dd><When at={receipt.requested_at} /></dd></div>
        <div><dt>Model</dt><dd>{receipt.model ?? "none"}{receipt.response_model ? <span className="muted"> answered by {receipt.response_model}</span> : null}</dd></div>
        <div><dt>State</dt><dd><Badge tone={receipt.state === "charged" ? "good" : receipt.state === "unrated" ? "warn" : "plain"}>{receipt.state}</Badge> <span className="muted">status {receipt.status_code}</span></dd></div>
        <div><dt>Tokens</dt><dd>{known(tokens.prompt)} in, {known(tokens.completion)} out <span className="muted">{receipt.usage_source === "estimated" ? "counted by us" : receipt.usage_source === "provider" ? "as the provider stated" : "nobody stated them"}</span></dd></div>
        {receipt.tariff && <div><dt>Price list</dt><dd>in force since <When at={receipt.tariff.valid_from} /></dd></div>}
      </dl>
      {receipt.lines.length > 0 && (
        <Table caption="The charge, line by line" rows={receipt.lines} rowKey={(line) => line.kind} columns={[
          { head: "What", isHead: true, cell: (line) => line.kind.replaceAll("_", " ") },
          { head: "Quantity", numeric: true, cell: (line) => formatCount(line.quantity) },
          { head: "Price", numeric: true, cell: (line) => (line.kind === "request" ? exact(line.price) : <>{perMillion(line.price)} <span className="muted">per million</span></>) },
          { head: "Amount", numeric: true, cell: (line) => exact(line.amount) },
        ]} />
      )}
      <p className="total"><span>Total</span> <strong className="number">{exact(receipt.total)}</strong></p>
      {receipt.balance_before && receipt.balance_after && (
        <p className="muted small">Balance before <span className="number">{exact(receipt.balance_before)}</span>, after <span className="number">{exact(receipt.balance_after)}</span></p>
      )}
      {receipt.is_clamped && <p className="muted small">The provider stated more of a part than of the whole; it was charged as the whole.</p>}
    </div>
  );
}
