/** What the signals say of a text; nothing of it is stored, and nothing stands in the address. */
import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { count, digits } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { visible } from "@/kit/visible";
import { Badge } from "@/parts/badge";
import { Button } from "@/parts/button";
import { Failure } from "@/parts/failure";
import { Field } from "@/parts/field";
import { Frame } from "@/parts/frame";
import { Marked } from "@/parts/marked";
import { type Cell, Rows } from "@/parts/pane";
import { Split } from "@/parts/split";
import { Line } from "@/parts/text";
import { GuardSections } from "./sections";
import "./guards.css";

interface Asked {
  text: string;
  question: string;
  context: string;
  system: string;
}

/** Of very many findings of one kind the answer says how many are not in it. */
type Said = Schemas["Scanned"] & { text: string; findings_left_out?: number };

export default function Scan() {
  const [asked, setAsked] = useState<Asked>({ text: "", question: "", context: "", system: "" });
  const [said, setSaid] = useState<Said | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  const scan = async () => {
    if (!asked.text || busy) return;
    setBusy(true);
    try {
      const { text } = asked;
      const body = {
        text,
        question: asked.question || null,
        system: asked.system || null,
        context: asked.context ? [asked.context] : [],
      };
      setSaid({ ...(await api.post("/api/v1/guards/scan", { body })), text });
      setError(null);
    } catch (wrong) {
      setError(wrong as Error);
    }
    setBusy(false);
  };
  useKeys([{ keys: "ctrl+enter", does: "scan the text", always: true, run: () => void scan() }]);
  return (
    <Frame title="Scan a text" note="nothing of it is stored" actions={<GuardSections />}>
      <Split
        name="scan"
        label="Width of the text"
        share={42}
        left={<Form asked={asked} onChange={setAsked} onScan={scan} busy={busy} />}
        right={
          <div className="pane">
            {error && <Failure error={error} />}
            {said ? (
              <Result said={said} />
            ) : (
              <p className="soft">What the signals say of the text stands here.</p>
            )}
          </div>
        }
      />
    </Frame>
  );
}

const MORE: readonly [keyof Asked, string, string][] = [
  ["question", "Question", "What the text answers."],
  ["context", "Context", "What the text should rest on."],
  ["system", "System prompt", "What must not leak."],
];

function Form(props: {
  asked: Asked;
  onChange: (asked: Asked) => void;
  onScan: () => void;
  busy: boolean;
}) {
  const { asked } = props;
  const set = (name: keyof Asked) => (event: React.ChangeEvent<HTMLTextAreaElement>) =>
    props.onChange({ ...asked, [name]: event.target.value });
  return (
    <div className="pane">
      <Field label="Text">
        <textarea className="input guards-text" value={asked.text} onChange={set("text")} />
      </Field>
      <details>
        <summary>What it is compared with</summary>
        <div className="stack">
          {MORE.map(([name, label, hint]) => (
            <Field key={name} label={label} hint={hint}>
              <textarea className="input" value={asked[name]} onChange={set(name)} />
            </Field>
          ))}
        </div>
      </details>
      <div className="row">
        <Button kind="main" disabled={!asked.text || props.busy} onClick={props.onScan}>
          Scan <kbd>Ctrl Enter</kbd>
        </Button>
      </div>
    </div>
  );
}

interface Score {
  name: string;
  score: number | null;
  label: string;
  threshold: number | null;
  found: number;
}

function Result({ said }: { said: Said }) {
  const { data } = useAnswer(["guards", "signals"], (signal) =>
    api.get("/api/v1/guards/signals", { signal }),
  );
  // of what is no risk a high score is nothing to act on
  const risks = (data?.data ?? []).filter((one) => one.scale === "risk");
  const thresholds = new Map(risks.map((one) => [one.name, one.threshold]));
  const rows = Object.entries(said.scores).map(
    ([name, score]): Score => ({
      name,
      score,
      label: said.labels[name] ?? said.reasons[name] ?? "",
      threshold: thresholds.get(name) ?? null,
      found: said.findings.filter((one) => one.signal === name).length,
    }),
  );
  rows.sort((a, b) => Number(fires(b)) - Number(fires(a)) || a.name.localeCompare(b.name));
  const marks = said.findings.map((one) => ({ ...one, what: `${one.signal}: ${one.kind}` }));
  return (
    <>
      <h2>{found(rows)}</h2>
      <div className="guards-scanned">
        <Marked text={said.text} marks={marks} />
      </div>
      {said.findings_left_out !== undefined && (
        <p className="soft">{count(said.findings_left_out)} findings are left out.</p>
      )}
      <Rows
        label="Scores"
        columns={COLUMNS}
        rows={rows}
        rowKey={(one) => one.name}
        empty="No signal says anything."
      />
    </>
  );
}

const fires = (one: Score) =>
  one.score !== null && one.threshold !== null && one.score >= one.threshold;

function found(rows: readonly Score[]): string {
  const names = rows.filter(fires).map((one) => one.name);
  return names.length > 0 ? `Fires: ${names.join(", ")}` : "No signal fires";
}

const COLUMNS: readonly Cell<Score>[] = [
  { name: "Signal", width: "24%", cell: (one) => visible(one.name) },
  {
    name: "Score",
    width: "64px",
    number: true,
    cell: (one) => (one.score === null ? "–" : digits(one.score)),
  },
  {
    name: "Fires from",
    width: "72px",
    number: true,
    cell: (one) => (one.threshold === null ? "–" : digits(one.threshold)),
  },
  {
    name: "Says",
    cell: (one) => (
      <>
        {fires(one) && <Badge tone="error">! fires</Badge>} <Line text={one.label || " "} />
      </>
    ),
  },
  { name: "Places", width: "52px", number: true, cell: (one) => one.found || "–" },
];
