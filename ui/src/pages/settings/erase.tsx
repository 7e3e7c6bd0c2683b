/** Erasing by whom or when: counted first, then asked once. */
import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { changed } from "@/api/query";
import { count } from "@/kit/format";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Confirm } from "@/parts/dialog";
import { Field } from "@/parts/field";
import { done, failed } from "@/parts/messages";

type Report = Schemas["ErasureReport"];

const WHAT = {
  users: "of a user",
  sessions: "of a session",
  before: "from before a day",
} as const;
type What = keyof typeof WHAT;

function asked(what: What, name: string) {
  if (what === "before") return { before_ns: Date.parse(name) * 1e6 };
  return { [what]: [name] };
}

export function Erase() {
  const [what, setWhat] = useState<What>("users");
  const [name, setName] = useState("");
  const [found, setFound] = useState<Report | null>(null);
  const body = asked(what, name.trim());
  const said =
    what === "before" ? `before ${name}` : `of the ${what.slice(0, -1)} ${visible(name)}`;
  const look = () =>
    api.post("/api/v1/erase", { body: { ...body, dry_run: true } }).then((report) => {
      if (report.spans > 0) setFound(report);
      else done(`Nothing is on record ${said}`);
    }, failed);
  const erase = async () => {
    try {
      const report = await api.post("/api/v1/erase", { body });
      done(told(report));
      changed("traces", "facets", "metrics", "sessions", "users", "plan-runs");
    } catch (error) {
      failed(error);
    }
  };
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void look();
      }}
    >
      <div className="settings-erase">
        <Field label="Traces">
          <select
            className="input"
            value={what}
            onChange={(event) => {
              setWhat(event.target.value as What);
              setName("");
            }}
          >
            {Object.entries(WHAT).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </Field>
        <Field label={what === "before" ? "Day, which begins at 0:00 UTC" : "Name"}>
          <input
            key={what}
            className="input"
            required
            type={what === "before" ? "date" : "text"}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </Field>
      </div>
      <div>
        <Button kind="danger" type="submit">
          Count, then erase
        </Button>
      </div>
      {found && (
        <Confirm
          title={`Erase what is on record ${said}?`}
          does={`Erase ${count(found.traces)} ${found.traces === 1 ? "trace" : "traces"}`}
          onYes={() => void erase()}
          onClose={() => setFound(null)}
        >
          {count(found.spans)} spans go for good, with what was said in them and their scores. Rows
          of datasets that were made of them stay.
        </Confirm>
      )}
    </form>
  );
}

function told(report: Report): string {
  const left =
    report.remaining === 0 ? "nothing of it can be found" : `${report.remaining} are left`;
  return `${count(report.spans)} spans of ${count(report.traces)} traces are erased, ${left}`;
}
