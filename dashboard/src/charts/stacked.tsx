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
/** What a group is called by. */
export type Named = Pick<SeriesOfGroup, "name" | "prefix" | "others">;
export type Naming = (group: Named) => string;

/** A group over time. An amount that nobody knows is `null`: it has no bar, and is not said to be nothing. */
export interface ChartGroup extends Named, Pick<SeriesOfGroup, "id" | "requests"> {
  amounts: (string | null)[];
  tokens?: number[];
}

export interface ChartSeries extends Pick<Series, "bucket" | "starts"> {
  groups: ChartGroup[];
}

const MEASURES = [["amount", "Spend"], ["requests", "Requests"], ["tokens", "Tokens"]] as const;
const HEIGHT = 260;

const UNKNOWN = "unknown";

const counts = (group: ChartGroup, measure: Measure): number[] => (measure === "requests" ? group.requests : (group.tokens ?? []));

const values = (group: ChartGroup, measure: Measure): number[] =>
  measure === "amount" ? group.amounts.map((amount) => (amount === null ? 0 : toChart(amount))) : counts(group, measure);

function shown(group: ChartGroup, measure: Measure, at: number): string {
  const amount = group.amounts[at];
  if (measure === "amount") return amount === null ? UNKNOWN : rounded(amount ?? "0", 4);
  return formatCount(counts(group, measure)[at] ?? 0);
}

function total(series: ChartSeries, measure: Measure, at: number): string {
  if (measure !== "amount") return formatCount(series.groups.reduce((all, group) => all + (counts(group, measure)[at] ?? 0), 0));
  const known = series.groups.flatMap((group) => group.amounts[at] ?? []);
  return known.length === 0 && series.groups.length > 0 ? UNKNOWN : rounded(sum(known), 4);
}

/** The colour of the group at this place: told apart on light and dark, and never the only thing that tells. */
export const colourName = (place: number, group: Named): string => (group.others === null || group.others === undefined ? `--chart-${String(place % 7)}` : "--chart-rest");

function options(width: number, bucket: Series["bucket"], series: ChartSeries, onPoint: (at: number | null) => void): uPlot.Options {
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
    scales: { x: { time: true, range: (_, low, high) => { const half = bucket === "day" ? 43_200 : 1800; return [low - half, high + half]; } }, y: { range: (_, low, high) => [low < 0 ? low * 1.08 : 0, high > 0 ? high * 1.08 : low < 0 ? 0 : 1] } },
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

/** What is more than nothing is stacked upwards, what is less downwards. */
function stack(series: ChartSeries, measure: Measure): uPlot.AlignedData {
  const [above, below] = [series.starts.map(() => 0), series.starts.map(() => 0)];
  const stacked = series.groups.map((group) => values(group, measure).map((value, at) => {
    const side = value < 0 ? below : above;
    return (side[at] = (side[at] ?? 0) + value);
  }));
  return [series.starts.map((start) => Date.parse(start) / 1000), ...stacked.reverse()];
}

export function StackedChart({ series, title, nameOf, measures = MEASURES }: { series: ChartSeries; title: string; nameOf: Naming; measures?: readonly (readonly [Measure, string])[] }): ReactNode {
  const [measure, setMeasure] = useState<Measure>("amount");
  const [view, setView] = useState<"chart" | "table">("chart");
  return (
    <div className="chart">
      <div className="chart-head">
        {measures.length > 1 && <Choice label="What is shown" value={measure} options={measures} onChange={setMeasure} />}
        <Choice label="As what" value={view} options={[["chart", "Chart"], ["table", "Table"]]} onChange={setView} />
      </div>
      {view === "chart"
        ? <Plot series={series} measure={measure} title={title} nameOf={nameOf} />
        : <Buckets series={series} measure={measure} title={title} nameOf={nameOf} />}
    </div>
  );
}

function Plot({ series, measure, title, nameOf }: { series: ChartSeries; measure: Measure; title: string; nameOf: Naming }): ReactNode {
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
              {series.groups.map((group, index) => ({ group, index })).filter(({ group }) => (values(group, measure)[at] ?? 0) !== 0 || (measure === "amount" && group.amounts[at] === null)).map(({ group, index }) => (
                <span key={index}><i className={`swatch c${colourName(index, group).slice(8)}`} /> {nameOf(group)} {shown(group, measure, at)}</span>
              ))}
            </>
          )
          : <span className="muted">Point at a bar, or use the arrow keys. Hours and days are UTC.</span>}
      </div>
    </>
  );
}

function Buckets({ series, measure, title, nameOf }: { series: ChartSeries; measure: Measure; title: string; nameOf: Naming }): ReactNode {
  const rows = series.starts.map((start, at) => ({ start, at })).filter(({ at }) => series.groups.some((group) => (group.requests[at] ?? 0) > 0)).reverse();
  return (
    <Table caption={title} rows={rows} rowKey={(row) => row.start} columns={[
      { head: series.bucket === "day" ? "Day (UTC)" : "Hour (UTC)", isHead: true, cell: (row) => formatBucket(row.start, series.bucket) },
      { head: "Total", numeric: true, cell: (row) => total(series, measure, row.at) },
      ...series.groups.map((group) => ({ head: nameOf(group), numeric: true, cell: (row: { at: number }) => shown(group, measure, row.at) })),
    ]} />
  );
}
