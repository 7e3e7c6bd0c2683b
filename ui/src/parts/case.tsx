/** What a pane says of one case: what was asked, what was expected, what was answered. */
import type { ReactNode } from "react";
import { laidOut, said } from "@/kit/turns";
import { Json } from "@/parts/json";
import { Text } from "@/parts/text";
import "./case.css";

export function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div>
      <h3>{title}</h3>
      {children}
    </div>
  );
}

/** A value of a case: text as text, and anything else as JSON. */
export function Said({ value }: { value: unknown }) {
  if (typeof value === "object" && value !== null) return <Json value={value} />;
  return <Text text={laidOut(said(value))} />;
}
