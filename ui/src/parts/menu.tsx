import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Button } from "@/parts/button";
import "./menu.css";

/** A button with a panel below it. Escape and whatever is done elsewhere close it. */
export function Menu(props: {
  label: ReactNode;
  /** What the panel is, for those who hear the page. */
  title: string;
  open: boolean;
  onOpen: (open: boolean) => void;
  /** The panel ends where the button does. */
  right?: boolean;
  children: ReactNode;
}) {
  const place = useRef<HTMLDivElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!props.open) return;
    const first = panel.current?.querySelector<HTMLElement>(
      "[data-first], input, select, button, a[href]",
    );
    (first ?? panel.current)?.focus();
  }, [props.open]);
  const [aside, setAside] = useState(0);
  useLayoutEffect(() => {
    const box = props.open ? panel.current?.getBoundingClientRect() : undefined;
    setAside(box ? within(box.left, box.right, document.documentElement.clientWidth) : 0);
  }, [props.open]);
  const close = () => {
    props.onOpen(false);
    place.current?.querySelector("button")?.focus();
  };
  return (
    <div
      ref={place}
      className="menu"
      role="group"
      aria-label={props.title}
      onBlur={(event) => {
        if (!place.current?.contains(event.relatedTarget as Node | null)) props.onOpen(false);
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !props.open) return;
        event.preventDefault();
        event.stopPropagation();
        close();
      }}
    >
      <Button
        aria-expanded={props.open}
        aria-haspopup="dialog"
        onClick={() => props.onOpen(!props.open)}
      >
        {props.label}
      </Button>
      {props.open && (
        <div
          ref={panel}
          className={props.right ? "menu-panel right" : "menu-panel"}
          style={{ translate: `${aside}px` }}
          role="dialog"
          aria-label={props.title}
          tabIndex={-1}
        >
          {props.children}
        </div>
      )}
    </div>
  );
}

const EDGE_PX = 8;

/** How far, in pixels, a panel moves to the right to stand within a window; its left end counts more. */
function within(left: number, right: number, width: number): number {
  const back = Math.min(0, width - EDGE_PX - right);
  return Math.max(back, EDGE_PX - left);
}
