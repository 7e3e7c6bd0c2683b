import { Link, useLocation } from "wouter";
import "./sections.css";

/** The pages of one subject, side by side; each has an address of its own. */
export function Sections(props: {
  label: string;
  pages: readonly (readonly [path: string, name: string])[];
}) {
  const [here] = useLocation();
  return (
    <nav className="sections" aria-label={props.label}>
      {props.pages.map(([path, name]) => (
        <Link key={path} href={path} aria-current={here === path ? "page" : undefined}>
          {name}
        </Link>
      ))}
    </nav>
  );
}
