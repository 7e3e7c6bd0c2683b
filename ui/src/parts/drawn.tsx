import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { isOneDay, label as moment, stepsOf } from "@/kit/ranges";
import type { ChartProps } from "@/parts/chart";
import "./drawn.css";

/** Draws with uPlot; resolves the colours of the theme each time it draws anew. */
export default function Drawn({
  times,
  lines,
  text,
  height = 140,
  onRange,
  onPick,
  label,
}: ChartProps) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const place = ref.current;
    if (!place) return;
    const axis = {
      stroke: probe(place, "--text-soft"),
      grid: { stroke: probe(place, "--line"), width: 1 },
      ticks: { show: false },
      font: "11px system-ui",
    };
    const first = times[0] ?? 0;
    const length = (times.at(-1) ?? 0) - first;
    const inOneDay = isOneDay({ from: first, to: first + length });
    let drew = false;
    const plot = new uPlot(
      {
        width: place.clientWidth,
        height,
        padding: [8, 0, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
        axes: [
          {
            ...axis,
            size: 22,
            space: inOneDay ? 64 : 96,
            incrs: stepsOf(length),
            // a label at the very beginning would be cut in half
            values: (_, ticks) =>
              ticks.map((tick) =>
                tick - first < 0.06 * length ? "" : moment(tick, length, inOneDay),
              ),
          },
          // on the right: all charts of a page begin at one edge
          { ...axis, side: 1, size: 62, values: (_, ticks) => ticks.map((tick) => text(tick)) },
        ],
        series: [
          {},
          ...lines.map((line) => {
            const stroke = probe(place, line.colour);
            return {
              label: line.label,
              stroke,
              width: 1.5,
              ...(line.fill ? { fill: `color-mix(in srgb, ${stroke} 18%, transparent)` } : {}),
              // a line needs two points: one alone is drawn as such
              points: { show: true, size: 5, fill: stroke, filter: () => alone(line.values) },
            };
          }),
        ],
        hooks: {
          setSelect: [
            (own) => {
              const { left, width } = own.select;
              drew = width > 4;
              if (drew) onRange?.(own.posToVal(left, "x"), own.posToVal(left + width, "x"));
              own.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            },
          ],
          setCursor: [(own) => tell(own)],
        },
      },
      [times as number[], ...lines.map((line) => line.values as (number | null)[])],
      place,
    );
    const pick = () => {
      const index = plot.cursor.idx;
      if (index !== null && index !== undefined && !drew) onPick?.(index);
      drew = false;
    };
    plot.over.addEventListener("click", pick);
    const tip = document.createElement("div");
    tip.className = "chart-tip";
    place.append(tip);
    const tell = (own: uPlot) => {
      const index = own.cursor.idx;
      tip.hidden = index === null || index === undefined;
      if (index === null || index === undefined) return;
      const at = new Date((times[index] ?? 0) * 1000).toLocaleString("en-GB");
      const said = lines.map(
        (line) => `${line.label} ${line.values[index] == null ? "–" : text(line.values[index])}`,
      );
      tip.textContent = [at, ...said].join("  ·  ");
    };
    const watch = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height }));
    watch.observe(place);
    return () => {
      watch.disconnect();
      plot.destroy();
      tip.remove();
    };
  }, [times, lines, text, height, onRange, onPick]);
  return <div ref={ref} className="drawn" aria-hidden="true" data-label={label} />;
}

/** The values that have no neighbour. */
function alone(values: readonly (number | null)[]): number[] {
  return values.flatMap((value, at) =>
    value !== null && values[at - 1] == null && values[at + 1] == null ? [at] : [],
  );
}

/** A colour as the canvas needs it: what the theme makes of it at this place. */
function probe(place: HTMLElement, name: string): string {
  const element = document.createElement("span");
  element.style.color = `var(${name})`;
  place.append(element);
  const found = getComputedStyle(element).color;
  element.remove();
  return found;
}
