/** The times above the bars. Drawing over a stretch zooms to it. */
import { useRef, useState } from "react";
import type { Stretch } from "@/kit/critical";
import { duration } from "@/kit/format";
import { marks, placed } from "@/kit/ruler";

const MOST_MARKS = 3;
const LEAST_PX = 4;
/** In percent: the words of a mark beyond it stand before its line. */
const LAST = 70;

export function Ruler(props: {
  view: Stretch;
  whole: number;
  isZoomed: boolean;
  onZoom: (to: Stretch | null) => void;
}) {
  const { view } = props;
  const place = useRef<HTMLDivElement>(null);
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
        {marks(view, MOST_MARKS).map((mark) => {
          const stands = placed([mark, mark], view);
          if (!stands) return null;
          const isLast = stands.left > LAST;
          return (
            <span
              key={mark}
              data-last={isLast || undefined}
              style={isLast ? { right: `${100 - stands.left}%` } : { left: `${stands.left}%` }}
            >
              {duration(mark / 1_000)}
            </span>
          );
        })}
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
