import { useRef } from "react";
import { useKeys } from "@/kit/keys";

/** A field that narrows what is on the page; `/` goes there and Escape leaves it. */
export function Search(props: { value: string; onChange: (value: string) => void; label: string }) {
  const input = useRef<HTMLInputElement>(null);
  useKeys([{ keys: "/", does: props.label.toLowerCase(), run: () => input.current?.focus() }]);
  return (
    <input
      ref={input}
      type="search"
      className="input"
      style={{ maxWidth: 320 }}
      aria-label={props.label}
      placeholder={props.label}
      value={props.value}
      onChange={(event) => props.onChange(event.target.value)}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        // the browser would empty the field
        event.preventDefault();
        input.current?.blur();
      }}
    />
  );
}
