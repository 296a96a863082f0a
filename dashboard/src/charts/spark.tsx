// A line without axes, for what is read off a number beside it.

import type { ReactNode } from "react";

export function Spark({ points, label }: { points: readonly number[]; label: string }): ReactNode {
  const [width, height] = [240, 44];
  const highest = Math.max(1, ...points);
  const step = width / Math.max(1, points.length - 1);
  const line = points.map((point, index) => `${(index * step).toFixed(1)},${(height - 3 - (point / highest) * (height - 8)).toFixed(1)}`);
  return (
    <svg className="spark" viewBox={`0 0 ${String(width)} ${String(height)}`} preserveAspectRatio="none" role="img" aria-label={label}>
      {line.length > 1 && <polygon points={`0,${String(height)} ${line.join(" ")} ${String(width)},${String(height)}`} />}
      {line.length > 1 && <polyline points={line.join(" ")} />}
    </svg>
  );
}
