import { type ReactNode, useId } from "react";
import { Link } from "wouter";

/** One subject of the overview; its title leads to the records. */
export function Tile(props: {
  title: string;
  href: string;
  note?: ReactNode;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section className="overview-tile" aria-labelledby={id}>
      <header className="spread">
        <h2 id={id}>
          <Link href={props.href}>{props.title}</Link>
        </h2>
        <span className="soft">{props.note}</span>
      </header>
      {props.children}
    </section>
  );
}
