// Whether an endpoint answers and takes its credential, by one real request that costs nothing.

import { useState, type ReactNode } from "react";

import { path, post } from "../../api/client";
import { useAction } from "../../api/use";
import type { Endpoint, EndpointReport } from "../../api/types";
import { Icon } from "../../components/icon";
import { Button } from "../../components/parts";
import { ErrorState } from "../../components/states";
import { formatCount } from "../../time/format";

export function EndpointTest({ endpoint }: { endpoint: Endpoint }): ReactNode {
  const [report, setReport] = useState<EndpointReport | null>(null);
  const test = useAction(async () => { setReport(await post<EndpointReport>(path`/endpoints/${endpoint.id}/check`)); });
  return (
    <div className="stack">
      <div><Button busy={test.isBusy} onClick={test.run}>{test.isBusy ? "Asking…" : report ? "Test again" : "Test"}<span className="unseen"> {endpoint.name}</span></Button></div>
      {test.problem && <ErrorState problem={test.problem} />}
      <div role="status">{report && !test.isBusy && !test.problem && <Report report={report} />}</div>
    </div>
  );
}

function Report({ report }: { report: EndpointReport }): ReactNode {
  const isWell = report.state === "well";
  const facts = [
    report.models === null || report.models === undefined ? null : `${formatCount(report.models)} ${report.models === 1 ? "model" : "models"}`,
    report.status ? `status ${String(report.status)}` : null,
    `${formatCount(report.latency_ms)} ms`,
    report.asked ?? null,
  ].filter((fact) => fact !== null);
  return (
    <div className={isWell ? "notice good" : "notice bad"}>
      <Icon name={isWell ? "check" : "alert"} />
      <div>
        <strong>{report.detail}</strong>
        <p>{facts.join(" · ")}</p>
        {report.said && <p>It says: “{report.said}”</p>}
      </div>
    </div>
  );
}
