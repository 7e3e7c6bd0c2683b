import { count } from "@/kit/format";
import { head, visible } from "@/kit/visible";
import "./values.css";

/** One value in a list beside what it narrows, which has the class `values`; how many have it. */
export function Value(props: {
  value: string;
  size: number;
  on: boolean;
  /** How deep it stands in a tree. */
  depth?: number;
  onPick: () => void;
  /** What Alt with a click or Enter does, where values can be excluded. */
  onExclude?: () => void;
}) {
  const { onPick, onExclude, depth = 0 } = props;
  const title =
    onExclude && `${visible(head(props.value, 200))}\nAlt with a click or Enter excludes it`;
  return (
    <button
      type="button"
      title={title}
      aria-pressed={props.on}
      style={depth > 0 ? { paddingLeft: 8 + 12 * Math.min(depth, 6) } : undefined}
      onClick={(event) => (event.altKey && onExclude ? onExclude() : onPick())}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || !event.altKey || !onExclude) return;
        event.preventDefault();
        onExclude();
      }}
    >
      <bdi className="cut">{visible(head(props.value, 60)) || '""'}</bdi>
      <span className="soft">{count(props.size)}</span>
    </button>
  );
}
