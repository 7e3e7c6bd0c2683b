/** The settings of the server as they are in force, and where each was written. */
import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { count } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { flat, type Setting, sized } from "@/kit/settings";
import { useParam, useStep } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { done, failed } from "@/parts/messages";
import { Search } from "@/parts/search";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { Section } from "./section";

type InForce = Schemas["InForce"];

const COLUMNS: readonly Column<Setting>[] = [
  {
    name: "Setting",
    width: "minmax(220px, 1.2fr)",
    cell: (row) => <span className="mono">{visible(row.key)}</span>,
  },
  { name: "Value", width: "minmax(160px, 2fr)", cell: (row) => <Value setting={row} /> },
  {
    name: "From",
    width: "minmax(120px, 1fr)",
    cell: (row) =>
      row.origin === "default" ? <span className="soft">default</span> : <Line text={row.origin} />,
  },
];

function Value({ setting }: { setting: Setting }) {
  const size = sized(setting);
  if (!setting.value) return <span className="soft">none</span>;
  return (
    <>
      <Line text={setting.value} /> {size && <span className="soft">{size}</span>}
    </>
  );
}

export default function Configuration() {
  const [search, setSearch] = useParam("search");
  const [only, setOnly] = useStep("only");
  const [busy, setBusy] = useState(false);
  const found = useAnswer(["config"], (signal) => api.get("/api/v1/config", { signal }));
  const reload = async () => {
    setBusy(true);
    try {
      done(told(await api.post("/api/v1/config/reload")));
    } catch (error) {
      failed(error);
    }
    setBusy(false);
    changed("config");
  };
  useKeys([
    { keys: "o", does: "show all settings, or those that were set", run: () => toggle() },
    { keys: "r", does: "read the configuration again", run: () => void reload() },
  ]);
  const toggle = () => setOnly(only ? "" : "set");
  const all = found.data ? flat(found.data.settings, found.data.origins ?? {}) : [];
  const set = all.filter((one) => one.origin !== "default");
  const rows = (only ? set : all).filter((one) =>
    `${one.key} ${one.value} ${one.origin}`.toLowerCase().includes(search.toLowerCase()),
  );
  const knows = Object.keys(found.data?.origins ?? {}).length > 0;
  return (
    <Section
      title="Settings"
      actions={
        <Button onClick={() => void reload()} disabled={busy}>
          Read again <kbd>r</kbd>
        </Button>
      }
    >
      <div className="settings-bar">
        <Search value={search} onChange={setSearch} label="Find a setting" />
        {knows && (
          <Button aria-pressed={only === "set"} onClick={toggle}>
            Only the {count(set.length)} that were set <kbd>o</kbd>
          </Button>
        )}
        <span className="grow soft cut">
          {found.data && (found.data.path ? visible(found.data.path) : "Read from no file")}
        </span>
      </div>
      {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
      {found.data && <Waiting now={found.data} />}
      <Table
        label="Settings in force"
        columns={COLUMNS}
        rows={rows}
        rowKey={(row) => row.key}
        empty={
          found.isSuccess && (
            <Empty
              title={
                only && !search
                  ? "Nothing was set: all settings are defaults"
                  : "No setting has that"
              }
            />
          )
        }
      />
    </Section>
  );
}

/** What is written differs from what is in force. */
function Waiting({ now }: { now: InForce }) {
  if (now.problem)
    return (
      <div className="settings-waiting wrong" role="alert">
        What is in force stays, for what is written now cannot be read: {visible(now.problem)}
      </div>
    );
  const changed = now.changed ?? [];
  const restart = now.needs_restart ?? [];
  if (changed.length === 0 && restart.length === 0) return null;
  return (
    <div className="settings-waiting" role="status">
      {changed.length > 0 && (
        <p>
          Written since, and in use after reading again: <b>{changed.join(", ")}</b>
        </p>
      )}
      {restart.length > 0 && (
        <p>
          In use after a new start: <b>{restart.join(", ")}</b>
        </p>
      )}
    </div>
  );
}

function told(reloaded: Schemas["Reloaded"]): string {
  const parts = [
    reloaded.changed.length ? `Changed: ${reloaded.changed.join(", ")}` : "Nothing changed",
    reloaded.needs_restart.length ? `needs a restart: ${reloaded.needs_restart.join(", ")}` : "",
    ...(reloaded.warnings ?? []),
  ];
  return parts.filter(Boolean).join("; ");
}
