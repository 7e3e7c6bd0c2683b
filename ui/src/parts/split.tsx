/** Two panes side by side, with a bar between them that is moved by pointer or by arrow keys. Without
 * a right one the left has all of the place, and stays what it was. */
import { type ReactNode, useRef, useState } from "react";
import "./split.css";

const LEAST = 25;
const MOST = 75;

export function Split(props: {
  /** Under this name the share of the left pane is kept in the browser. */
  name: string;
  label: string;
  left: ReactNode;
  right: ReactNode | null;
  share?: number;
}) {
  const store = `trimtab.split.${props.name}`;
  const place = useRef<HTMLDivElement>(null);
  const [share, setShare] = useState(() => {
    const kept = Number(localStorage.getItem(store));
    return kept >= LEAST && kept <= MOST ? kept : (props.share ?? 50);
  });
  const set = (next: number) => {
    const within = Math.round(Math.min(Math.max(next, LEAST), MOST));
    setShare(within);
    localStorage.setItem(store, String(within));
  };
  const onMove = (event: React.PointerEvent) => {
    const box = place.current?.getBoundingClientRect();
    if (box && event.currentTarget.hasPointerCapture(event.pointerId))
      set((100 * (event.clientX - box.left)) / box.width);
  };
  const onKey = (event: React.KeyboardEvent) => {
    const step = { ArrowLeft: -2, ArrowRight: 2 }[event.key];
    if (!step) return;
    event.preventDefault();
    set(share + step);
  };
  return (
    <div
      ref={place}
      className={props.right === null ? "split alone" : "split"}
      style={{ "--split-left": `${share}fr`, "--split-right": `${100 - share}fr` } as object}
    >
      {props.left}
      {props.right !== null && (
        <div
          className="split-bar"
          role="separator"
          aria-orientation="vertical"
          aria-label={props.label}
          aria-valuenow={share}
          aria-valuemin={LEAST}
          aria-valuemax={MOST}
          tabIndex={0}
          onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
          onPointerMove={onMove}
          onKeyDown={onKey}
        />
      )}
      {props.right}
    </div>
  );
}
