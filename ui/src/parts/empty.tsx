import type { ReactNode } from "react";
import { server } from "@/kit/place";
import { commands } from "@/kit/snippets";
import { Snippet } from "@/parts/copy";
import "./empty.css";

/** Nothing there yet: what would be here, and the lines that bring it. */
export function Empty(props: {
  title: string;
  /** A sentence or two. */
  children?: ReactNode;
  code?: string;
  label?: string;
}) {
  return (
    <section className="empty stack">
      <h2>{props.title}</h2>
      {props.children && <p>{props.children}</p>}
      {props.code && (
        <Snippet
          code={commands(props.code, { url: server })}
          label={props.label ?? "In a terminal"}
        />
      )}
    </section>
  );
}
