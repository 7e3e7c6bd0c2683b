import "./badge.css";

/** One word of a state; its colour is never all it says. */
export function Badge({ tone, children }: { tone?: Tone; children: React.ReactNode }) {
  return <span className={`badge ${tone ?? "soft"}`}>{children}</span>;
}

export type Tone = "ok" | "warn" | "error" | "accent" | "soft";

const SIGNS: Record<string, [string, Tone]> = {
  ok: ["✓", "ok"],
  error: ["✕", "error"],
  cancelled: ["⊘", "warn"],
  unset: ["·", "soft"],
};

/** The status of a span: a sign and a word; `short` leaves the word to readers and the title. */
export function Status({ status, short }: { status: string; short?: boolean }) {
  const [sign, tone] = SIGNS[status] ?? ["·", "soft"];
  return (
    <span className={`status ${tone}`} title={status}>
      <span aria-hidden="true">{sign}</span> <span className={short ? "unseen" : ""}>{status}</span>
    </span>
  );
}

/** What kind of work a span is. */
export function Kind({ kind }: { kind: string }) {
  return <span className={`kind ${kind}`}>{kind}</span>;
}
