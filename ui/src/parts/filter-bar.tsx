/** The bar a filter is written into, with what could stand at the cursor below it. */
import { useId, useRef, useState } from "react";
import { api, Problem } from "@/api/client";
import { useAnswer } from "@/api/query";
import { useKeys } from "@/kit/keys";
import "./filter-bar.css";

export function FilterBar(props: {
  value: string;
  onChange: (filter: string) => void;
  /** What is wrong with the filter that was asked for. */
  error?: Error | null;
}) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(props.value);
  const [seen, setSeen] = useState(props.value);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const [cursor, setCursor] = useState(props.value.length);
  if (seen !== props.value) {
    setSeen(props.value);
    setText(props.value);
  }
  useKeys([{ keys: "/", does: "write a filter", run: () => input.current?.focus() }]);
  const { data } = useAnswer(
    ["filter", "complete", text, cursor],
    (signal) => api.get("/api/v1/filter/complete", { query: { text, cursor }, signal }),
    { on: open },
  );
  const offered = open ? (data?.data ?? []).slice(0, 12) : [];
  const take = (index: number) => {
    const one = offered[index];
    if (!one) return;
    const next = text.slice(0, one.start) + one.text + text.slice(one.end);
    const place = one.start + one.text.length;
    setText(next);
    setAt(-1);
    setCursor(place);
    requestAnimationFrame(() => input.current?.setSelectionRange(place, place));
  };
  const onKey = (event: React.KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, offered.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, -1));
    else if (event.key === "Tab" && open && offered.length > 0 && text !== props.value)
      take(Math.max(at, 0));
    else if (event.key === "Enter" && at >= 0) take(at);
    else if (event.key === "Enter") {
      setOpen(false);
      props.onChange(text.trim());
    } else if (event.key === "Escape" && open) setOpen(false);
    else if (event.key === "Escape") input.current?.blur();
    else return;
    event.preventDefault();
  };
  const wrong = props.error instanceof Problem && props.error.status === 400 ? props.error : null;
  return (
    <div className="filter-bar grow">
      <input
        ref={input}
        className="input mono"
        role="combobox"
        aria-label="Filter"
        aria-expanded={offered.length > 0}
        aria-controls={`${id}-offered`}
        aria-autocomplete="list"
        aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
        aria-invalid={wrong && props.value ? true : undefined}
        aria-describedby={wrong ? `${id}-wrong` : undefined}
        placeholder='status:error  cost_usd>0.01  "refund policy"'
        spellCheck={false}
        autoComplete="off"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setCursor(event.target.selectionStart ?? event.target.value.length);
          setOpen(true);
          setAt(-1);
        }}
        onKeyDown={onKey}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
      />
      <ul
        id={`${id}-offered`}
        role="listbox"
        aria-label="What could stand here"
        hidden={offered.length === 0}
      >
        {offered.map((one, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field above
          <li
            key={`${one.kind} ${one.text}`}
            id={`${id}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => take(index)}
          >
            <span className="mono cut">{one.text}</span>
            <span className="soft cut">{one.detail}</span>
          </li>
        ))}
      </ul>
      {wrong && (
        <p id={`${id}-wrong`} className="wrong">
          {wrong.detail}
          {wrong.fix ? `. To do: ${wrong.fix}.` : ""}
        </p>
      )}
    </div>
  );
}
