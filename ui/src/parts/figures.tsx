/** The figures of a page in one line; each leads to the records it is about. */
import type { ReactNode } from "react";
import { Link } from "wouter";
import "./figures.css";

export interface Figure {
  name: string;
  value: ReactNode;
  /** What the value is made of, or a share. */
  note?: ReactNode;
  href?: string;
  tone?: "error" | undefined;
}

export function Figures({ label, figures }: { label: string; figures: readonly Figure[] }) {
  return (
    <section className="figures" aria-label={label}>
      {figures.map((one) =>
        one.href ? (
          <Link key={one.name} href={one.href} className="figures-one">
            <Inside {...one} />
          </Link>
        ) : (
          <div key={one.name} className="figures-one">
            <Inside {...one} />
          </div>
        ),
      )}
    </section>
  );
}

function Inside({ name, value, note, tone }: Figure) {
  return (
    <>
      <span className="soft">{name}</span>
      <strong className={isLong(value) ? `long ${tone ?? ""}` : tone}>{value}</strong>
      <span className="soft">{note ?? "\u00a0"}</span>
    </>
  );
}

/** More than its column has room for in the size of the others. */
const isLong = (value: ReactNode) => typeof value === "string" && value.length > 9;
