/** Figures over time. The drawing code is fetched when the first chart is shown. */
import { Coded } from "@/parts/coded";

export interface Line {
  label: string;
  values: readonly (number | null)[];
  /** A colour of the style: "--accent", "--error". */
  colour: string;
  fill?: boolean;
}

export interface ChartProps {
  label: string;
  /** Seconds since 1970, ascending; as many as each line has values. */
  times: readonly number[];
  lines: readonly Line[];
  /** A value with its unit. */
  text: (value: number) => string;
  height?: number;
  /** Called with the ends, in seconds, of a stretch that was drawn over. */
  onRange?: (from: number, to: number) => void;
  /** Called with the number of the step that was clicked. */
  onPick?: (index: number) => void;
}

const drawn = () => import("@/parts/drawn");

export function Chart(props: ChartProps) {
  const height = props.height ?? 140;
  return (
    <figure className="chart" style={{ margin: 0, minHeight: height }}>
      <Coded load={drawn} with={props} instead={null} />
      <Read {...props} />
    </figure>
  );
}

/** The same for those who hear the page. */
function Read({ label, times, lines, text }: ChartProps) {
  const said = lines.map((line) => {
    const known = line.values.filter((value) => value !== null);
    const most = known.length ? text(Math.max(...known)) : "nothing";
    return `${line.label}: at most ${most}`;
  });
  return (
    <figcaption className="unseen">
      {label}, {times.length} steps. {said.join("; ")}.
    </figcaption>
  );
}
