/** The times above the bars. Drawing over a stretch zooms to it. */
import { useLayoutEffect, useRef, useState } from "react";
import type { Stretch } from "@/kit/critical";
import { duration } from "@/kit/format";
import { labels, placed } from "@/kit/ruler";

const LEAST_PX = 4;
/** Of a letter of a label at most, and of its line with the space beside it. */
const LETTER_PX = 6.8;
const LINE_PX = 4;

export function Ruler(props: {
  view: Stretch;
  whole: number;
  isZoomed: boolean;
  onZoom: (to: Stretch | null) => void;
}) {
  const { view } = props;
  const place = useRef<HTMLDivElement>(null);
  const width_px = useWidth(place);
  const [drawn, setDrawn] = useState<Stretch | null>(null);
  const at = (event: React.PointerEvent): number => {
    const box = place.current?.getBoundingClientRect();
    const share = box ? (event.clientX - box.left) / box.width : 0;
    return view[0] + Math.min(Math.max(share, 0), 1) * (view[1] - view[0]);
  };
  const sorted = drawn && ([Math.min(...drawn), Math.max(...drawn)] as const);
  const onUp = (event: React.PointerEvent) => {
    const least = (LEAST_PX * (view[1] - view[0])) / (place.current?.clientWidth || 1);
    const box = event.currentTarget;
    box.releasePointerCapture(event.pointerId);
    if (sorted && sorted[1] - sorted[0] > least) props.onZoom(sorted);
    setDrawn(null);
  };
  const band = sorted && placed(sorted, view);
  return (
    <div className="trace-ruler">
      <span className="soft">Span</span>
      <div
        ref={place}
        role="none"
        className="trace-times soft"
        title="Draw over a stretch to zoom to it; 0 shows the whole trace"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrawn([at(event), at(event)]);
        }}
        onPointerMove={(event) => drawn && setDrawn([drawn[0], at(event)])}
        onPointerUp={onUp}
        onDoubleClick={() => props.onZoom(null)}
      >
        {labels(view, width_px, said, wide).map(({ text, at, isBefore }) => (
          <span
            key={text}
            data-last={isBefore || undefined}
            style={isBefore ? { right: `${100 - at}%` } : { left: `${at}%` }}
          >
            {text}
          </span>
        ))}
        {band && (
          <i className="trace-band" style={{ left: `${band.left}%`, width: `${band.width}%` }} />
        )}
      </div>
      <span className="soft number trace-took">Took</span>
      <span className="soft number trace-tokens">Tokens</span>
      <span className="soft number trace-cost">Cost</span>
    </div>
  );
}

const said = (us: number) => duration(us / 1_000);
const wide = (text: string) => text.length * LETTER_PX + LINE_PX;

/** In pixels; 0 until it is known, which is before anything is painted. */
function useWidth(place: React.RefObject<HTMLDivElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const box = place.current;
    if (!box) return;
    setWidth(box.clientWidth);
    const observer = new ResizeObserver(() => setWidth(box.clientWidth));
    observer.observe(box);
    return () => observer.disconnect();
  }, [place]);
  return width;
}
