/** One field that a list is narrowed by; what is written counts from Enter or leaving on. */
import { useId, useRef, useState } from "react";
import { useKeys } from "@/kit/keys";
import { step } from "@/kit/state";

const MOST = 100;

export function Narrow(props: {
  /** Of the parameter in the address. */
  name: string;
  label: string;
  hint: string;
  value: string;
  offered: readonly string[];
  keys?: string;
}) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(props.value);
  const [seen, setSeen] = useState(props.value);
  if (seen !== props.value) {
    setSeen(props.value);
    setText(props.value);
  }
  const { keys, label } = props;
  useKeys(
    keys
      ? [{ keys, does: `narrow: ${label.toLowerCase()}`, run: () => input.current?.focus() }]
      : [],
  );
  const apply = () => step({ [props.name]: text.trim() });
  const offered = [...new Set(props.offered)].filter(Boolean).slice(0, MOST);
  return (
    <div className="row">
      <label className="soft" htmlFor={id}>
        {label}
      </label>
      <input
        ref={input}
        id={id}
        className="input"
        style={{ width: 200 }}
        list={`${id}-offered`}
        placeholder={props.hint}
        spellCheck={false}
        autoComplete="off"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={apply}
        onKeyDown={(event) => {
          if (event.key === "Enter") apply();
          if (event.key === "Escape") input.current?.blur();
        }}
      />
      <datalist id={`${id}-offered`}>
        {offered.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </div>
  );
}
