import { type ReactNode, useEffect, useRef } from "react";
import { InDialog } from "@/kit/keys";
import { Button } from "@/parts/button";
import "./dialog.css";

/** A native modal dialog: the browser keeps the focus inside and takes it back; Escape closes it. */
export function Dialog(props: {
  title: string;
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog || dialog.open) return;
    dialog.showModal();
    // what is to be written comes first, and not the button that closes
    dialog.querySelector<HTMLElement>("[data-first], input, textarea, select")?.focus();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does the same
    <dialog
      ref={ref}
      className={props.wide ? "dialog wide" : "dialog"}
      aria-label={props.title}
      onClose={props.onClose}
      onClick={(event) => event.target === ref.current && ref.current?.close()}
    >
      <div className="inside">
        <header className="spread">
          <h2>{props.title}</h2>
          <Button kind="quiet" aria-label="Close" onClick={() => ref.current?.close()}>
            ✕
          </Button>
        </header>
        <InDialog value={true}>{props.children}</InDialog>
      </div>
    </dialog>
  );
}

/** Asks once before what cannot be undone. */
export function Confirm(props: {
  title: string;
  children: ReactNode;
  does: string;
  onYes: () => void;
  onClose: () => void;
}) {
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <div className="stack">
        <div>{props.children}</div>
        <div className="row">
          <Button
            kind="danger"
            onClick={() => {
              props.onYes();
              props.onClose();
            }}
          >
            {props.does}
          </Button>
          <Button onClick={props.onClose}>Leave it</Button>
        </div>
      </div>
    </Dialog>
  );
}
