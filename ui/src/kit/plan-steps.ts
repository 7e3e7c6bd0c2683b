/** What a run of a plan did, in the order of its plan: also what is still to come. */

export interface Recorded {
  step: string;
  item?: number | null;
  status: string;
  started_ns: number;
  ended_ns: number;
}

export interface StepLine<R extends Recorded> {
  /** The name of the step, and of one of its items "answers[2]". */
  key: string;
  step: string;
  item: number | null;
  /** That of the record; without one, whether it may still come. */
  state: string;
  record: R | null;
}

/** Each step with its items below it; steps that the plan does not name come last. */
export function stepLines<R extends Recorded>(
  names: readonly string[],
  records: readonly R[],
  running: boolean,
): StepLine<R>[] {
  const known = new Set(names);
  const more = [...new Set(records.map((one) => one.step))].filter((name) => !known.has(name));
  return [...names, ...more].flatMap((step) => {
    const own = records.filter((one) => one.step === step);
    const whole = own.find((one) => place(one) === null) ?? null;
    const items = own.filter((one) => place(one) !== null);
    items.sort((a, b) => (place(a) ?? 0) - (place(b) ?? 0));
    const waits = running ? (items.length > 0 ? "under way" : "not yet") : "not reached";
    return [
      { key: step, step, item: null, state: whole?.status ?? waits, record: whole },
      ...items.map((record) => ({
        key: `${step}[${place(record)}]`,
        step,
        item: place(record),
        state: record.status,
        record,
      })),
    ];
  });
}

const place = (one: Recorded) => one.item ?? null;

/** Where a step lies between the first and the last moment of a run, in percent of its length. */
export function placed(
  one: { started_ns: number; ended_ns: number },
  all: readonly { started_ns: number; ended_ns: number }[],
): { left: number; width: number } {
  const from = Math.min(...all.map((each) => each.started_ns));
  const to = Math.max(...all.map((each) => each.ended_ns));
  const share = (ns: number) => (to > from ? (100 * (ns - from)) / (to - from) : 0);
  const left = Math.min(share(one.started_ns), 99);
  return { left, width: Math.max(share(one.ended_ns) - left, 1) };
}
