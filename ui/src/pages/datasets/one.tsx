/** One dataset: its rows, what changed between versions, and what repeats itself. */
import { useState } from "react";
import { useLocation } from "wouter";
import { api, type Schemas } from "@/api/client";
import { gone, useAnswer } from "@/api/query";
import { chosenOf } from "@/kit/choice";
import { count } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { many } from "@/kit/plural";
import { patch, useParam, usePathEnd, useStep } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Confirm } from "@/parts/dialog";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { done, failed } from "@/parts/messages";
import { Tabs } from "@/parts/tabs";
import { Calls } from "./calls";
import { Changes } from "./changes";
import { Check } from "./check";
import { Export } from "./export";
import { Import } from "./import";
import { splits } from "./list";
import { Rows } from "./rows";
import { SplitUp } from "./split-up";
import { Versions } from "./versions";
import "./datasets.css";

const TABS = ["Rows", "Changes", "Repeated rows", "Versions"] as const;
type Making = "file" | "calls" | "split" | "remove" | null;

export default function OneDataset() {
  const name = usePathEnd();
  const [version] = useParam("version");
  const [asked, setTab] = useStep("tab", TABS[0]);
  const tab = chosenOf(TABS, asked);
  const [making, setMaking] = useState<Making>(null);
  const versions = useAnswer(["datasets", name, "versions"], (signal) =>
    api.get("/api/v1/datasets/{ref}/versions", { path: { ref: name }, signal }),
  );
  const all = versions.data?.data ?? [];
  const shown = all.find((one) => String(one.version) === version) ?? all[0];
  useKeys([
    { keys: "i", does: "import a file as the next version", run: () => setMaking("file") },
    { keys: "a", does: "add recorded calls", run: () => setMaking("calls") },
    { keys: "s", does: "put the rows into splits", run: () => setMaking("split") },
    ...TABS.map((one, index) => ({
      keys: String(index + 1),
      does: `show ${one.toLowerCase()}`,
      run: () => setTab(one),
    })),
  ]);
  const close = () => setMaking(null);
  return (
    <Frame
      title={visible(name)}
      note={shown && <About dataset={shown} newest={shown === all[0]} />}
      actions={
        shown && (
          <>
            <Button onClick={() => setMaking("calls")}>
              Add calls <kbd>a</kbd>
            </Button>
            <Button onClick={() => setMaking("file")}>
              Import <kbd>i</kbd>
            </Button>
            <Button onClick={() => setMaking("split")}>
              Splits <kbd>s</kbd>
            </Button>
            <Export dataset={shown} />
            <Button kind="danger" onClick={() => setMaking("remove")}>
              Remove
            </Button>
          </>
        )
      }
      bar={
        <>
          <Tabs label="What is shown" names={TABS} now={tab} onChange={setTab} />
          <span className="grow" />
          {shown && <Chosen all={all} shown={shown} />}
        </>
      }
    >
      {versions.error && <Failure error={versions.error} again={() => void versions.refetch()} />}
      {shown && tab === "Rows" && <Rows key={`${shown.name}@${shown.version}`} dataset={shown} />}
      {shown && tab === "Changes" && <Changes dataset={shown} all={all} />}
      {shown && tab === "Repeated rows" && <Check dataset={shown} />}
      {shown && tab === "Versions" && <Versions all={all} />}
      {making === "file" && <Import name={name} onClose={close} />}
      {making === "calls" && <Calls name={name} onClose={close} />}
      {making === "split" && shown && <SplitUp dataset={shown} onClose={close} />}
      {making === "remove" && <Remove name={name} versions={all.length} onClose={close} />}
    </Frame>
  );
}

type Dataset = Schemas["Dataset"];

function About({ dataset, newest }: { dataset: Dataset; newest: boolean }) {
  const parts = [
    many(dataset.size, "row"),
    splits(dataset),
    many(dataset.clusters, "cluster"),
    dataset.linked ? `${count(dataset.linked)} of recorded calls` : "",
    dataset.duplicates ? `${count(dataset.duplicates)} repeated` : "",
    newest ? "" : "not the newest version",
  ];
  return <>{visible(parts.filter(Boolean).join(" · "))}</>;
}

function Chosen({ all, shown }: { all: readonly Dataset[]; shown: Dataset }) {
  return (
    <label className="row datasets-versions">
      <span className="soft">Version</span>
      <select
        className="input datasets-version"
        aria-label="Version"
        value={shown.version}
        onChange={(event) => {
          const isNewest = event.target.value === String(all[0]?.version);
          patch({ version: isNewest ? "" : event.target.value, row: "", against: "" });
        }}
      >
        {all.map((one) => (
          <option key={one.version} value={one.version}>
            {one.version}
            {one.note ? ` · ${visible(one.note).slice(0, 50)}` : ""}
          </option>
        ))}
      </select>
    </label>
  );
}

function Remove(props: { name: string; versions: number; onClose: () => void }) {
  const [, go] = useLocation();
  const remove = async () => {
    try {
      await api.delete("/api/v1/datasets/{ref}", { path: { ref: props.name } });
      gone("datasets");
      go("/datasets");
      done(`${visible(props.name)} is removed`);
    } catch (error) {
      failed(error);
    }
  };
  return (
    <Confirm
      title={`Remove ${visible(props.name)}?`}
      does="Remove the dataset"
      onYes={() => void remove()}
      onClose={props.onClose}
    >
      {props.versions === 1 ? "Its one version goes" : `All ${count(props.versions)} versions go`}{" "}
      for good. Runs over its rows stay, without them.
    </Confirm>
  );
}
