/** What becomes of records: how long they stay, what is erased, copied, compacted and repriced. */
import { type ReactNode, useState } from "react";
import { api } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { count } from "@/kit/format";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Confirm } from "@/parts/dialog";
import { Field } from "@/parts/field";
import { done, failed } from "@/parts/messages";
import { Erase } from "./erase";
import { Section } from "./section";

export default function Data() {
  return (
    <Section title="Data">
      <div className="settings-data">
        <Part title="Retention">
          <Retention />
        </Part>
        <Part title="Erase">
          <Erase />
        </Part>
        <Part title="Backup">
          <Backup />
        </Part>
        <Part title="Space">
          <p>The space of erased records is given back to the disk. Reading goes on meanwhile.</p>
          <Doing label="Compact" work={compact} />
        </Part>
        <Part title="Costs">
          <p>
            The costs of the calls on record in this project are computed anew from the prices of
            today. Records of a call stay as they are otherwise.
          </p>
          <Doing
            label="Reprice all calls"
            work={reprice}
            question={
              <>
                What the calls of this project cost is replaced by what they would cost at the
                prices of today. The costs of before are not kept.
              </>
            }
          />
        </Part>
      </div>
    </Section>
  );
}

function Part(props: { title: string; children: ReactNode }) {
  return (
    <section className="settings-section" aria-label={props.title}>
      <h2>{props.title}</h2>
      <div className="stack">{props.children}</div>
    </section>
  );
}

/** A button that is off while its work goes on, and says what came of it. */
function Doing(props: {
  label: string;
  work: () => Promise<string>;
  /** Asked first, of what cannot be undone. */
  question?: ReactNode;
}) {
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      done(await props.work());
    } catch (error) {
      failed(error);
    }
    setBusy(false);
  };
  return (
    <div>
      <Button onClick={() => (props.question ? setAsking(true) : void run())} disabled={busy}>
        {busy ? "At it" : props.label}
      </Button>
      {asking && (
        <Confirm
          title={`${props.label}?`}
          does={props.label}
          onYes={() => void run()}
          onClose={() => setAsking(false)}
        >
          {props.question}
        </Confirm>
      )}
    </div>
  );
}

const mebibytes = (bytes: number) => `${(bytes / (1 << 20)).toFixed(1)} MiB`;

async function compact(): Promise<string> {
  const { before_bytes, after_bytes } = await api.post("/api/v1/admin/compact");
  return `Compacted: ${mebibytes(before_bytes)} before, ${mebibytes(after_bytes)} after`;
}

async function reprice(): Promise<string> {
  const found = await api.post("/api/v1/reprice", { body: {} });
  changed("traces", "metrics", "sessions", "users");
  return `Of ${count(found.calls)} calls, ${count(found.changed)} cost something else now`;
}

function Retention() {
  const found = useAnswer(["config"], (signal) => api.get("/api/v1/config", { signal }));
  const settings = found.data?.settings as { retention?: Kept[] } | undefined;
  const kept = settings?.retention ?? [];
  return (
    <>
      {found.error && <p className="soft">{found.error.message}</p>}
      {settings && kept.length === 0 && <p>Records are kept until they are erased.</p>}
      {kept.length > 0 && (
        <table className="settings-kept">
          <thead>
            <tr>
              <th scope="col">Project</th>
              <th scope="col" className="number">
                Days
              </th>
            </tr>
          </thead>
          <tbody>
            {kept.map((one) => (
              <tr key={one.project}>
                <th scope="row">{visible(one.project)}</th>
                <td className="number">{one.days}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p className="soft">
        The setting <code>retention</code> of the configuration file says how many days each project
        keeps its spans and scores. Other projects keep them for ever.
      </p>
    </>
  );
}

interface Kept {
  project: string;
  days: number;
}

function Backup() {
  const [directory, setDirectory] = useState("");
  const work = async () => {
    const made = await api.post("/api/v1/admin/backup", { body: { directory } });
    return `All data is copied into ${made.directory}`;
  };
  return (
    <>
      <Field
        label="Directory"
        hint="On the machine of the server, the whole path: a new directory, or an empty one."
      >
        <input
          className="input"
          placeholder="/var/backups/trimtab"
          spellCheck={false}
          value={directory}
          onChange={(event) => setDirectory(event.target.value)}
        />
      </Field>
      <Doing label="Copy everything" work={work} />
    </>
  );
}
