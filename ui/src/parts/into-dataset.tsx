import { type ReactNode, useId, useState } from "react";
import { api, type Schemas } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { count } from "@/kit/format";
import { visible } from "@/kit/visible";
import { Dialog } from "@/parts/dialog";
import { Field } from "@/parts/field";
import { Form } from "@/parts/form";
import { done, failed } from "@/parts/messages";

const EXPECTED = {
  none: "Nothing: to be written later",
  output: "What was answered",
  score: "What a score says",
};

/** Recorded calls as rows of a dataset, in its next version. */
export function IntoDataset(props: {
  title: string;
  /** What finds the calls. */
  filter: string;
  /** How many they are, where each of them was chosen; else it is asked how many at most. */
  chosen?: number;
  /** The dataset, where it is known. */
  name?: string | undefined;
  /** What shows the calls. */
  children?: ReactNode;
  onMade: (made: Schemas["Dataset"]) => void;
  onClose: () => void;
}) {
  const { chosen } = props;
  const list = useId();
  const { data } = useAnswer(["datasets"], (signal) => api.get("/api/v1/datasets", { signal }));
  const names = (data?.data ?? []).map((one) => one.name);
  const [name, setName] = useState(props.name ?? "");
  const [expected, setExpected] = useState(chosen === undefined ? "none" : "output");
  const [score, setScore] = useState("");
  const [limit, setLimit] = useState("1000");
  const [append, setAppend] = useState(true);
  const ref = name.trim();
  const isNew = !names.includes(ref);
  const add = async () => {
    const made = await api.post("/api/v1/datasets/{ref}/calls", {
      path: { ref },
      body: {
        filter: props.filter,
        expected: expected === "score" ? `score:${score.trim()}` : expected,
        append,
        limit: chosen ?? Number(limit),
      },
    });
    const said = `${visible(made.name)}@${made.version} has ${count(made.size)} rows`;
    done(said, isNew && chosen !== undefined ? () => withdraw(ref) : undefined);
    changed("datasets");
    props.onClose();
    props.onMade(made);
  };
  return (
    <Dialog title={props.title} onClose={props.onClose} wide={chosen === undefined}>
      {props.children}
      <Form
        onSend={add}
        does={chosen === undefined ? "Make the next version" : `Add ${count(chosen)}`}
        doing="Making …"
      >
        <div className={chosen === undefined ? "form-two" : "stack"}>
          <Field label="Dataset" hint={hint(ref !== "" && isNew, append)}>
            <input
              className="input"
              list={list}
              required
              maxLength={200}
              pattern="[^\/]+"
              readOnly={props.name !== undefined}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          </Field>
          <datalist id={list}>
            {names.map((one) => (
              <option key={one} value={one} />
            ))}
          </datalist>
          {chosen === undefined && (
            <Field label="At most so many calls, the newest">
              <input
                className="input"
                type="number"
                min={1}
                max={100_000}
                value={limit}
                onChange={(event) => setLimit(event.target.value)}
              />
            </Field>
          )}
          <Field label="Expected answer">
            <select
              className="input"
              value={expected}
              onChange={(event) => setExpected(event.target.value)}
            >
              {Object.entries(EXPECTED).map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </select>
          </Field>
          {expected === "score" && (
            <Field label="Score" hint="Calls of which it says nothing are left out.">
              <input
                className="input"
                required
                value={score}
                onChange={(event) => setScore(event.target.value)}
              />
            </Field>
          )}
        </div>
        {chosen === undefined && (
          <label className="row">
            <input
              type="checkbox"
              checked={append}
              onChange={(event) => setAppend(event.target.checked)}
            />
            Keep the rows of the version before, if there is one
          </label>
        )}
      </Form>
    </Dialog>
  );
}

function hint(isNew: boolean, append: boolean): string {
  if (isNew) return "A new one begins.";
  return `The next version has these rows ${append ? "as well" : "alone"}.`;
}

/** Of a dataset that began with these rows. */
function withdraw(ref: string): void {
  const path = { ref };
  api.delete("/api/v1/datasets/{ref}", { path }).then(() => changed("datasets"), failed);
}
