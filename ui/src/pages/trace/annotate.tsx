/** A judgement of one's own: it passes or fails, has a value, or a label; and why. */
import { useEffect, useId, useRef, useState } from "react";
import { Button } from "@/parts/button";
import { Field } from "@/parts/field";
import { annotated } from "./withdrawing";

const STORE = "trimtab.annotation";

export function Annotate(props: {
  trace_id: string;
  span_id: string | null;
  names: readonly string[];
  onClose: () => void;
}) {
  const list = useId();
  const first = useRef<HTMLInputElement>(null);
  const [name, setName] = useState(() => localStorage.getItem(STORE) ?? "quality");
  const [value, setValue] = useState("");
  const [label, setLabel] = useState("");
  const [reason, setReason] = useState("");
  const [isSending, setSending] = useState(false);
  useEffect(() => first.current?.focus(), []);
  const number = value.trim() === "" ? null : Number(value);
  const wrong = number !== null && !Number.isFinite(number) ? "Not a number." : null;
  const send = async (judged: { passed: boolean } | { value: number } | { label: string }) => {
    setSending(true);
    localStorage.setItem(STORE, name.trim());
    const target = props.span_id
      ? { trace_id: props.trace_id, span_id: props.span_id }
      : { trace_id: props.trace_id };
    const why = reason.trim() ? { reason: reason.trim() } : {};
    const isStored = await annotated({ name: name.trim(), ...target, ...why, ...judged });
    setSending(false);
    if (isStored) props.onClose();
  };
  const judged =
    number !== null ? { value: number } : label.trim() ? { label: label.trim() } : null;
  const isOff = isSending || !name.trim() || wrong !== null;
  return (
    <form
      className="trace-annotate"
      aria-label="Annotate"
      onSubmit={(event) => {
        event.preventDefault();
        if (judged && !isOff) void send(judged);
      }}
      onKeyDown={(event) => event.key === "Escape" && props.onClose()}
    >
      <Field label="Score" small>
        <input
          ref={first}
          className="input"
          list={list}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      </Field>
      <datalist id={list}>
        {props.names.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <Field label="Value" small error={wrong}>
        <input
          className="input"
          inputMode="decimal"
          value={value}
          disabled={label !== ""}
          onChange={(event) => setValue(event.target.value)}
        />
      </Field>
      <Field label="or label" small>
        <input
          className="input"
          value={label}
          disabled={value !== ""}
          onChange={(event) => setLabel(event.target.value)}
        />
      </Field>
      <Field label="Reason" small>
        <input
          className="input"
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </Field>
      <div className="row">
        {judged ? (
          <Button kind="main" type="submit" disabled={isOff}>
            Store
          </Button>
        ) : (
          <>
            <Button disabled={isOff} onClick={() => void send({ passed: true })}>
              ✓ Pass
            </Button>
            <Button disabled={isOff} onClick={() => void send({ passed: false })}>
              ✕ Fail
            </Button>
          </>
        )}
        <Button kind="quiet" onClick={props.onClose}>
          Leave it
        </Button>
      </div>
    </form>
  );
}
