import "./tabs.css";

/** One of a few views; the arrows move between them. */
export function Tabs<Name extends string>(props: {
  label: string;
  names: readonly Name[];
  now: Name;
  onChange: (name: Name) => void;
}) {
  const onKey = (event: React.KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const { names, now } = props;
    const next = names[(names.indexOf(now) + step + names.length) % names.length] as Name;
    event.preventDefault();
    props.onChange(next);
    const button = event.currentTarget.querySelector<HTMLElement>(`[data-name="${next}"]`);
    button?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label={props.label} onKeyDown={onKey}>
      {props.names.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          data-name={name}
          aria-selected={name === props.now}
          tabIndex={name === props.now ? 0 : -1}
          onClick={() => props.onChange(name)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
