import { type ReactNode, useEffect } from "react";
import "./frame.css";

/** A page: its title, what can be done with all of it, a bar of its own, and its content. */
export function Frame(props: {
  title: string;
  /** Beside the title: counts, a state. */
  note?: ReactNode;
  actions?: ReactNode;
  bar?: ReactNode;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${props.title} · Trimtab`;
  }, [props.title]);
  return (
    <>
      <header className="frame-head">
        <div className="frame-title">
          <h1 className="cut" title={props.title}>
            {props.title}
          </h1>
          <div className="soft cut">{props.note}</div>
        </div>
        {props.actions && <div className="row">{props.actions}</div>}
      </header>
      {props.bar && <div className="frame-bar">{props.bar}</div>}
      <div className="frame-body">{props.children}</div>
    </>
  );
}
