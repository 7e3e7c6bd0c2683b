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
  const [flipped, setFlipped] = useState(false);
  useLayoutEffect(() => {
    // only where it began: turned round, it would always fit
    const ends = props.open ? panel.current?.getBoundingClientRect().right : undefined;
    if (ends !== undefined && ends > document.documentElement.clientWidth) setFlipped(true);
    else if (!props.open) setFlipped(false);
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
          className={props.right || flipped ? "menu-panel right" : "menu-panel"}
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
