// Stacked bars over time. The same numbers are in a table beside it, and the arrow keys walk through the buckets: nobody has to see it.

import "uplot/dist/uPlot.min.css";

import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import uPlot from "uplot";

import type { Series, SeriesOfGroup } from "../api/types";
import { Choice } from "../components/parts";
import { Table } from "../components/table";
import { rounded, sum, toChart } from "../money/money";
import { useIsDark } from "../session/theme";
import { formatBucket, formatCompact, formatCount, formatTick } from "../time/format";

export type Measure = "amount" | "requests" | "tokens";
export type Naming = (group: SeriesOfGroup) => string;

const MEASURES = [["amount", "Spend"], ["requests", "Requests"], ["tokens", "Tokens"]] as const;
const HEIGHT = 260;

const values = (group: SeriesOfGroup, measure: Measure): number[] =>
  measure === "amount" ? group.amounts.map(toChart) : measure === "requests" ? group.requests : group.tokens;

function shown(group: SeriesOfGroup, measure: Measure, at: number): string {
  if (measure === "amount") return rounded(group.amounts[at] ?? "0", 4);
  return formatCount((measure === "requests" ? group.requests : group.tokens)[at] ?? 0);
}

function total(series: Series, measure: Measure, at: number): string {
  if (measure === "amount") return rounded(sum(series.groups.map((group) => group.amounts[at] ?? "0")), 4);
  return formatCount(series.groups.reduce((all, group) => all + ((measure === "requests" ? group.requests : group.tokens)[at] ?? 0), 0));
}

/** The colour of the group at this place: told apart on light and dark, and never the only thing that tells. */
export const colourName = (place: number, group: SeriesOfGroup): string => (group.others === null || group.others === undefined ? `--chart-${String(place % 7)}` : "--chart-rest");

function options(width: number, bucket: Series["bucket"], series: Series, onPoint: (at: number | null) => void): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const paths = uPlot.paths.bars?.({ size: [0.82, 34], radius: 0 });
  const axis: uPlot.Axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `12px ${colour("--sans")}` };
  return {
    width,
    height: HEIGHT,
    padding: [12, 22, 0, 0],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    // Half a bucket at both ends, so that the first and last bar are whole.
    scales: { x: { time: true, range: (_, low, high) => { const half = bucket === "day" ? 43_200 : 1800; return [low - half, high + half]; } }, y: { range: (_, __, high) => [0, high > 0 ? high * 1.08 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, space: 76, values: (_, seconds, __, ___, step) => seconds.map((at) => formatTick(at, step)) },
      { ...axis, size: 58, values: (_, ticks) => ticks.map((tick) => (tick >= 1000 ? formatCompact(tick) : String(Number(tick.toPrecision(3))))) },
    ],
    series: [
      {},
      // The whole stack is drawn first and what is below it over it.
      ...series.groups.map((group, place) => ({ fill: colour(colourName(place, group)), width: 0, points: { show: false }, ...(paths ? { paths } : {}) })).reverse(),
    ],
    hooks: { setCursor: [(plot: uPlot) => { onPoint(plot.cursor.left !== undefined && plot.cursor.left >= 0 ? (plot.cursor.idx ?? null) : null); }] },
  };
}

function stack(series: Series, measure: Measure): uPlot.AlignedData {
  const below = series.starts.map(() => 0);
  const stacked = series.groups.map((group) => values(group, measure).map((value, at) => (below[at] = (below[at] ?? 0) + value)));
  return [series.starts.map((start) => Date.parse(start) / 1000), ...stacked.reverse()];
}

export function StackedChart({ series, title, nameOf, measures = MEASURES }: { series: Series; title: string; nameOf: Naming; measures?: typeof MEASURES }): ReactNode {
  const [measure, setMeasure] = useState<Measure>("amount");
  const [view, setView] = useState<"chart" | "table">("chart");
  return (
    <div className="chart">
      <div className="chart-head">
        <Choice label="What is shown" value={measure} options={measures} onChange={setMeasure} />
        <Choice label="As what" value={view} options={[["chart", "Chart"], ["table", "Table"]]} onChange={setView} />
      </div>
      {view === "chart"
        ? <Plot series={series} measure={measure} title={title} nameOf={nameOf} />
        : <Buckets series={series} measure={measure} title={title} nameOf={nameOf} />}
    </div>
  );
}

function Plot({ series, measure, title, nameOf }: { series: Series; measure: Measure; title: string; nameOf: Naming }): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const isDark = useIsDark();
  const [at, setAt] = useState<number | null>(null);
  const data = useMemo(() => stack(series, measure), [series, measure]);
  const shape = series.bucket + series.groups.map((group) => group.id ?? "").join() + String(isDark);
  const latest = useRef({ series, data });
  useEffect(() => {
    latest.current = { series, data };
    plot.current?.setData(data);
  }, [series, data]);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = new uPlot(options(element.clientWidth, latest.current.series.bucket, latest.current.series, setAt), latest.current.data, element);
    plot.current = made;
    const resized = new ResizeObserver(() => { made.setSize({ width: element.clientWidth, height: HEIGHT }); });
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);
  const walk = (event: KeyboardEvent): void => {
    const last = series.starts.length - 1;
    const from = at ?? last + 1;
    const to = { ArrowLeft: Math.max(0, from - 1), ArrowRight: Math.min(last, from + 1), Home: 0, End: last, Escape: null }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setAt(to);
  };
  const start = at === null ? undefined : series.starts[at];
  return (
    <>
      <div className="plot" ref={place} tabIndex={0} role="group" aria-roledescription="chart" onKeyDown={walk} onBlur={() => { setAt(null); }}
        aria-label={`${title}: stacked bars for ${String(series.starts.length)} ${series.bucket}s. Arrow keys walk through them.`} />
      <div className="readout" aria-live="polite">
        {at !== null && start !== undefined
          ? (
            <>
              <strong>{formatBucket(start, series.bucket)}</strong>
              <span>{total(series, measure, at)} in all</span>
              {series.groups.map((group, index) => ({ group, index })).filter(({ group }) => (values(group, measure)[at] ?? 0) > 0).map(({ group, index }) => (
                <span key={index}><i className={`swatch c${colourName(index, group).slice(8)}`} /> {nameOf(group)} {shown(group, measure, at)}</span>
              ))}
            </>
          )
          : <span className="muted">Point at a bar, or use the arrow keys. Hours and days are UTC.</span>}
      </div>
    </>
  );
}

function Buckets({ series, measure, title, nameOf }: { series: Series; measure: Measure; title: string; nameOf: Naming }): ReactNode {
  const rows = series.starts.map((start, at) => ({ start, at })).filter(({ at }) => series.groups.some((group) => (group.requests[at] ?? 0) > 0)).reverse();
  return (
    <Table caption={title} rows={rows} rowKey={(row) => row.start} columns={[
      { head: series.bucket === "day" ? "Day (UTC)" : "Hour (UTC)", isHead: true, cell: (row) => formatBucket(row.start, series.bucket) },
      { head: "Total", numeric: true, cell: (row) => total(series, measure, row.at) },
      ...series.groups.map((group) => ({ head: nameOf(group), numeric: true, cell: (row: { at: number }) => shown(group, measure, row.at) })),
    ]} />
  );
}
