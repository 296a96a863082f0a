// Records that the books refused: why, and what can be done.

import { useState, type ReactNode } from "react";

import { path, post } from "../../api/client";
import { useAction, useResource } from "../../api/use";
import type { Quarantined, Whole } from "../../api/types";
import { Confirm } from "../../components/dialog";
import { Badge, PageHead, When } from "../../components/parts";
import { Empty, ErrorState, Loaded } from "../../components/states";
import { Table } from "../../components/table";
import { useSession } from "../../session/context";
import { may } from "../../session/rights";
import { formatCount } from "../../time/format";

export function Quarantine(): ReactNode {
  const mayManage = may(useSession(), "manage");
  const [withWrittenOff, setWithWrittenOff] = useState(false);
  const records = useResource<Whole<Quarantined>>("/quarantine", { with_written_off: withWrittenOff || null, limit: 500 }, 10_000);
  const [givenUp, setGivenUp] = useState<Quarantined | null>(null);
  const [said, setSaid] = useState("");
  const replay = useAction(async (record: Quarantined) => {
    setSaid("");
    const { outcome } = await post<{ outcome: string }>(path`/quarantine/${record.id}/replay`);
    setSaid(outcome === "entered" ? "The record is in the books now." : "The books had the record already; it has left quarantine.");
    records.reload();
  });
  const writeOff = useAction(async (record: Quarantined) => {
    await post(path`/quarantine/${record.id}/write-off`);
    setGivenUp(null);
    setSaid("The record is written off, in your name.");
    records.reload();
  });
  const state = (record: Quarantined): ReactNode => {
    if (record.written_off_at) return <Badge>written off <When at={record.written_off_at} relative /></Badge>;
    if (!mayManage) return <Badge tone="bad">waits</Badge>;
    return (
      <span className="row-actions">
        <button type="button" className="quiet" disabled={replay.isBusy} onClick={() => { replay.run(record); }}>Replay<span className="unseen"> the record of {record.quarantined_at}</span></button>
        <button type="button" className="quiet" onClick={() => { writeOff.reset(); setGivenUp(record); }}>Write off<span className="unseen"> the record of {record.quarantined_at}</span></button>
      </span>
    );
  };
  return (
    <>
      <PageHead title="Quarantine" lead="Records that the books refused. Mended, they are replayed and charged once; given up, they stay to be seen." />
      <div className="filters"><label className="check"><input type="checkbox" checked={withWrittenOff} onChange={(event) => { setWithWrittenOff(event.target.checked); }} />With those written off</label></div>
      <p role="status" className={said === "" ? "unseen" : "notice good"}>{said}</p>
      {replay.problem && <ErrorState problem={replay.problem} />}
      <div className="card flush">
        <Loaded from={records} lines={5}>{({ data }) => data.length === 0
          ? <Empty title="Nothing is in quarantine">Every record that was measured is in the books.</Empty>
          : (
            <Table caption="Records in quarantine, newest first" rows={data} rowKey={(record) => record.id} columns={[
              { head: "Since", isHead: true, cell: (record) => <When at={record.quarantined_at} /> },
              { head: "Why", cell: (record) => record.reason },
              { head: "Request", cell: (record) => (record.request
                ? <span className="two"><span>{record.request.user ?? "nobody"} · {record.request.model ?? "no model"}</span><span className="muted"><When at={record.request.at} />, status {record.request.status_code}</span></span>
                : <span className="muted">cannot be read</span>) },
              { head: "Tokens", numeric: true, isMinor: true, cell: (record) => (record.request ? `${count(record.request.prompt_tokens)} in, ${count(record.request.completion_tokens)} out` : "–") },
              { head: mayManage ? "Do" : "State", cell: state },
            ]} />
          )}</Loaded>
      </div>
      {givenUp && (
        <Confirm title="Write this record off?" action="Write off" kind="danger" busy={writeOff.isBusy} problem={writeOff.problem} onConfirm={() => { writeOff.run(givenUp); }} onClose={() => { setGivenUp(null); }}>
          <p>It is never entered, and nobody is charged for it. The audit log says that it was you.</p>
          <p className="muted">{givenUp.reason}</p>
        </Confirm>
      )}
    </>
  );
}

const count = (value: number | null | undefined): string => (value === null || value === undefined ? "?" : formatCount(value));
