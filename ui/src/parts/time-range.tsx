/** Which period a page is about: a usual one, or from when to when; steps back, on, and out. */
import { useState } from "react";
import { useKeys } from "@/kit/keys";
import * as ranges from "@/kit/ranges";
import { step, useParam } from "@/kit/state";
import { Button } from "@/parts/button";
import { Field } from "@/parts/field";
import { Menu } from "@/parts/menu";
import "./time-range.css";

/** The period in the address. */
export function useRange(): [ranges.Range, (range: ranges.Range) => void] {
  const [since] = useParam("since");
  const [until] = useParam("until");
  return [{ since, until }, (range) => step({ ...range })];
}

export function TimeRange(props: {
  range: ranges.Range;
  /** The ends that are shown, also where the range leaves them open. */
  shown: ranges.Ends | null;
  /** What no range at all means. */
  any: string;
  onChange: (range: ranges.Range) => void;
}) {
  const { range, shown, onChange } = props;
  const [open, setOpen] = useState(false);
  const now = () => Date.now() / 1_000;
  const go = (next: (ends: ranges.Ends) => ranges.Ends) => {
    // what is drawn may still be of the period before
    const from = ranges.ends(range, now()) ?? shown;
    if (from) onChange(ranges.fixed(next(from)));
  };
  const steps = [
    {
      keys: "[",
      sign: "◂",
      does: "the period before",
      to: (e: ranges.Ends) => ranges.shifted(e, -1),
    },
    {
      keys: "]",
      sign: "▸",
      does: "the period after",
      to: (e: ranges.Ends) => ranges.shifted(e, 1),
    },
    {
      keys: "-",
      sign: "−",
      does: "a longer period",
      to: (e: ranges.Ends) => ranges.widened(e, now()),
    },
  ];
  useKeys(steps.map((step) => ({ keys: step.keys, does: step.does, run: () => go(step.to) })));
  const take = (next: ranges.Range) => {
    onChange(next);
    setOpen(false);
  };
  return (
    <div className="time-range" role="group" aria-label="Period">
      {steps.slice(0, 1).map((step) => (
        <Step key={step.keys} {...step} on={shown !== null} run={() => go(step.to)} />
      ))}
      <Menu label={named(range, props.any)} title="Period" open={open} onOpen={setOpen}>
        <div className="time-range-usual">
          <Button aria-pressed={!range.since && !range.until} onClick={() => take(ranges.ANY)}>
            {props.any}
          </Button>
          {ranges.PRESETS.map(([since, name]) => (
            <Button
              key={since}
              aria-pressed={range.since === since && !range.until}
              onClick={() => take({ since, until: "" })}
            >
              {name}
            </Button>
          ))}
        </div>
        <Exact shown={shown} take={take} />
      </Menu>
      {steps.slice(1).map((step) => (
        <Step key={step.keys} {...step} on={shown !== null} run={() => go(step.to)} />
      ))}
    </div>
  );
}

function Step(props: { sign: string; does: string; keys: string; on: boolean; run: () => void }) {
  return (
    <Button
      aria-label={props.does}
      title={`${props.does} (${props.keys})`}
      disabled={!props.on}
      onClick={props.run}
    >
      {props.sign}
    </Button>
  );
}

function named(range: ranges.Range, any: string): string {
  if (!range.since && !range.until) return any;
  const usual = ranges.PRESETS.find(([since]) => since === range.since && !range.until);
  const ends = ranges.ends(range, Date.now() / 1_000);
  if (usual) return usual[1];
  return ends ? ranges.words(ends) : [range.since, range.until].filter(Boolean).join(" – ");
}

function Exact(props: { shown: ranges.Ends | null; take: (range: ranges.Range) => void }) {
  const [from, setFrom] = useState(props.shown ? ranges.local(props.shown.from) : "");
  const [to, setTo] = useState(props.shown ? ranges.local(props.shown.to) : "");
  const at = (text: string) => (text ? ranges.iso(new Date(text).getTime() / 1_000) : "");
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        props.take({ since: at(from), until: at(to) });
      }}
    >
      <Field label="From" small>
        <input
          className="input"
          type="datetime-local"
          value={from}
          onChange={(event) => setFrom(event.target.value)}
        />
      </Field>
      <Field label="To" small>
        <input
          className="input"
          type="datetime-local"
          value={to}
          onChange={(event) => setTo(event.target.value)}
        />
      </Field>
      <Button type="submit">Show this period</Button>
    </form>
  );
}
