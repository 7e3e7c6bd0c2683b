/** The cases that are not as they were: what differs in the answer, and which way each score went. */
import type { ReactNode } from "react";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { excerpt } from "@/kit/excerpt";
import { count, digits, signed } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { useParam, useStep } from "@/kit/state";
import { said } from "@/kit/turns";
import { head, visible } from "@/kit/visible";
import { Beside } from "@/parts/beside";
import { Button } from "@/parts/button";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { type Column, Table } from "@/parts/table";
import { Case } from "./case";

export type Change = Schemas["trimtab.experiments.examples.Change"];
type Shift = Schemas["Shift"];

export const KINDS: Record<string, [string, string]> = {
  regression: ["▼ worse", "error"],
  lost: ["▼ not scored now", "error"],
  mixed: ["◆ both ways", "warn"],
  improvement: ["▲ better", "ok"],
  found: ["▲ scored now", "ok"],
  answer: ["= same scores", "soft"],
};
const MOST = 2_000;

export function Cases(props: {
  base: string;
  now: string;
  gating: readonly string[];
  /** What stands before the buttons of the list. */
  lead: ReactNode;
}) {
  const { base, now } = props;
  const [only, setOnly] = useStep("only");
  const [chosen, choose] = useParam("case");
  const gating = props.gating.join(",");
  const found = useAnswer(["runs", now, "changes", base, gating, only], (signal) =>
    api.get("/api/v1/runs/{run_id}/changes", {
      path: { run_id: now },
      query: { baseline: base, gating, only: only || "all", limit: MOST },
      signal,
    }),
  );
  const toggle = () => setOnly(only ? "" : "regressions");
  useKeys([
    { keys: "r", does: "regressions only, or all changes", run: toggle },
    ...(chosen ? [{ keys: "Escape", does: "close the case", run: () => choose("") }] : []),
  ]);
  if (found.error) return <Failure error={found.error} again={() => void found.refetch()} />;
  const rows = found.data?.data ?? [];
  const row = rows.find((one) => one.example_id === chosen);
  const table = (
    <Table
      label="Changed cases"
      columns={row ? COLUMNS.slice(0, 4) : COLUMNS}
      rows={rows}
      rowKey={(one) => one.example_id}
      rowHeight={rowPx(rows)}
      onOpen={(one) => choose(one.example_id)}
      empty={found.data && <Nothing only={only} total={found.data.total} />}
    />
  );
  return (
    <>
      <div className="compare-bar">
        {props.lead}
        <Button aria-pressed={only !== ""} onClick={toggle}>
          Regressions only <kbd>r</kbd>
        </Button>
        {found.data && (
          <span className="soft">
            {count(found.data.total)} cases changed, {count(found.data.regressions)} of them for the
            worse
            {rows.length === MOST ? `; the first ${count(MOST)} are shown` : ""}
          </span>
        )}
      </div>
      <Beside list={table} opened={row && <Case change={row} onClose={() => choose("")} />} />
    </>
  );
}

const COLUMNS: readonly Column<Change>[] = [
  {
    name: "Went",
    width: "92px",
    cell: (one) => {
      const [text, tone] = KINDS[one.kind] ?? [one.kind, "soft"];
      return <span className={`status ${tone}`}>{text}</span>;
    },
  },
  {
    name: "Input",
    width: "minmax(110px, 1.2fr)",
    cell: (one) => <Block text={said(one.input) || one.example_id} />,
  },
  {
    name: "Answer: what went, what came",
    width: "minmax(180px, 2.4fr)",
    cell: (one) => <Differing change={one} />,
  },
  { name: "Scores", width: "minmax(130px, 1fr)", cell: (one) => <Shifts shifts={one.shifts} /> },
  {
    name: "Why it was judged so",
    width: "minmax(120px, 1.2fr)",
    cell: (one) => <Block text={reason(one.shifts)} soft />,
  },
];

const LINE_PX = 18;
const LINES = 3;
/** About as many characters as the narrowest column of text has in a line. */
const LINE_CHARS = 32;

/** Rows are as high as the one of them that says most, and that has three lines. */
function rowPx(rows: readonly Change[]): number {
  const lines = rows.reduce((most, one) => Math.max(most, linesOf(one)), 1);
  return 10 + LINE_PX * Math.min(lines, LINES);
}

function linesOf(one: Change): number {
  const texts = [
    said(one.input) || one.example_id,
    `${one.before_error ?? said(one.before)} ${one.after_error ?? said(one.after)}`,
    reason(one.shifts),
  ];
  const long = texts.map(
    (text) => Math.ceil(text.length / LINE_CHARS) + text.split("\n").length - 1,
  );
  return Math.max(one.shifts.length, ...long);
}

function Block({ text, soft }: { text: string; soft?: boolean }) {
  return (
    <div className={soft ? "compare-block soft" : "compare-block"} dir="auto">
      {visible(head(text, 400))}
    </div>
  );
}

/** The reason of the score that decides, as it is now. */
function reason(shifts: readonly Shift[]): string {
  return shifts.find((shift) => shift.reason_after)?.reason_after ?? "–";
}

function Differing({ change }: { change: Change }) {
  const before = change.before_error ?? said(change.before);
  const after = change.after_error ?? said(change.after);
  return (
    <div className="compare-block words" dir="auto">
      {(change.before_error || change.after_error) && <strong>an error </strong>}
      {excerpt(before, after, 320).map((part, index) => {
        const text = visible(part.text);
        if (part.side === "both") return <span key={index}>{text}</span>;
        return part.side === "old" ? <del key={index}>{text}</del> : <ins key={index}>{text}</ins>;
      })}
    </div>
  );
}

function Shifts({ shifts }: { shifts: readonly Shift[] }) {
  const most = shifts.length > 3 ? 2 : 3;
  return (
    <div className="compare-shifts">
      {shifts.slice(0, most).map((shift) => (
        <div key={shift.metric} className="cut">
          <Moved shift={shift} />
        </div>
      ))}
      {shifts.length > most && <div className="soft">and {shifts.length - most} more</div>}
    </div>
  );
}

/** One score and which way it went: a sign, a word for those who hear it, and by how much. */
export function Moved({ shift }: { shift: Shift }) {
  const { before, after } = shift;
  const name = visible(shift.metric);
  if (before === null || after === null)
    return (
      <span className={shift.decides ? "status warn" : "soft"}>
        {name} {before === null ? "scored now" : "not scored now"}
      </span>
    );
  const tone = shift.better === null ? "" : shift.better ? "status ok" : "status error";
  const sign = shift.better ? "▲" : "▼";
  const isVerdict = [0, 1].includes(before) && [0, 1].includes(after);
  return (
    <span className={tone}>
      <span aria-hidden="true">{sign}</span>
      <span className="unseen">{shift.better ? "better" : "worse"}</span> {name}{" "}
      {isVerdict ? (after === 1 ? "✕ → ✓" : "✓ → ✕") : signed(after - before, digits)}
    </span>
  );
}

function Nothing({ only, total }: { only: string; total: number }) {
  if (only && total > 0)
    return <Empty title="No case got worse">Cases changed, but none for the worse.</Empty>;
  return (
    <Empty title="Every case is as it was">Answers and scores are the same in both runs.</Empty>
  );
}
