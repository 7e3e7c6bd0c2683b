import { useState } from "react";
import { Link, useLocation } from "wouter";
import { api, Problem } from "@/api/client";
import { useAnswer } from "@/api/query";
import { useKeys } from "@/kit/keys";
import { step, useParams, usePathEnd } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Copy } from "@/parts/copy";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { Tabs } from "@/parts/tabs";
import { About } from "./about";
import { Changes } from "./changes";
import { Figures } from "./figures";
import { Pointing } from "./pointing";
import { Preview } from "./preview";
import { Rail } from "./rail";
import { Use } from "./use";
import type { Entry, Version } from "./version";
import { Words } from "./words";
import "./one.css";

const VIEWS = ["Words", "Changes", "Preview", "Scores", "Use"] as const;
type View = (typeof VIEWS)[number];

export default function OnePrompt() {
  const name = usePathEnd();
  const entry = useAnswer(["prompts", "entry", name], (signal) =>
    api.get("/api/v1/prompts/{name}/entry", { path: { name }, signal }),
  );
  const versions = useAnswer(["prompts", "versions", name], (signal) =>
    api.get("/api/v1/prompts/{name}/versions", { path: { name }, signal }),
  );
  const error = entry.error ?? versions.error;
  const isHere = entry.data?.name === name && versions.data?.data[0]?.name === name;
  if (error) {
    const again = () => void Promise.all([entry.refetch(), versions.refetch()]);
    return (
      <Frame title={visible(name).slice(0, 120)}>
        {error instanceof Problem && error.status === 404 ? (
          <Empty title="There is no prompt of this name">
            <Link href="/prompts">All prompts</Link>
          </Empty>
        ) : (
          <Failure error={error} again={again} />
        )}
      </Frame>
    );
  }
  if (!isHere || !entry.data || !versions.data)
    return <Frame title={visible(name).slice(0, 120)}>{null}</Frame>;
  return <Shown entry={entry.data} versions={versions.data.data} />;
}

function Shown({ entry, versions }: { entry: Entry; versions: readonly Version[] }) {
  const [, go] = useLocation();
  const [pointing, setPointing] = useState(false);
  const params = useParams();
  const view = VIEWS.find((one) => one.toLowerCase() === params.view) ?? "Words";
  const version = versions.find((one) => String(one.version) === params.version) ?? versions[0];
  const setView = (next: View) => step({ view: next === "Words" ? "" : next.toLowerCase() });
  const try_it = () =>
    go(`/playground?prompt=${encodeURIComponent(`${entry.name}@${version?.version}`)}`);
  useKeys([
    ...VIEWS.map((one, at) => ({
      keys: String(at + 1),
      does: `show: ${one.toLowerCase()}`,
      run: () => setView(one),
    })),
    { keys: "l", does: "point labels to this version", run: () => setPointing(true) },
    { keys: "p", does: "try this version in the playground", run: try_it },
  ]);
  if (!version) return null;
  return (
    <Frame
      title={visible(entry.name).slice(0, 120)}
      note={<Placed entry={entry} />}
      actions={
        <>
          <About entry={entry} />
          <Button onClick={() => setPointing(true)}>
            Labels <kbd>l</kbd>
          </Button>
          <Button kind="main" onClick={try_it}>
            Open in the playground
          </Button>
        </>
      }
    >
      <div className="prompt-body">
        <Rail entry={entry} versions={versions} now={version} />
        <section className="prompt-pane" aria-label={`Version ${version.version}`}>
          <header className="prompt-pane-head">
            <Tabs
              label="What is shown of the version"
              names={VIEWS}
              now={view}
              onChange={setView}
            />
            <span className="grow" />
            <Copy text={() => plain(version)} label="Copy the words" />
          </header>
          <div className="prompt-pane-body">
            <Looked view={view} entry={entry} versions={versions} now={version} />
          </div>
        </section>
      </div>
      {pointing && (
        <Pointing entry={entry} version={version.version} onClose={() => setPointing(false)} />
      )}
    </Frame>
  );
}

function Looked(props: { view: View; entry: Entry; versions: readonly Version[]; now: Version }) {
  const { view, entry, versions, now } = props;
  if (view === "Changes") return <Changes versions={versions} now={now} />;
  if (view === "Preview") return <Preview key={now.digest} version={now} />;
  if (view === "Scores") return <Figures versions={versions} now={now} />;
  if (view === "Use") return <Use entry={entry} version={now} />;
  return <Words version={now} />;
}

function Placed({ entry }: { entry: Entry }) {
  const { folder, tags, description, archived } = entry;
  return (
    <>
      {archived && "archived · "}
      {folder && (
        <>
          in <Link href={`/prompts?folder=${encodeURIComponent(folder)}`}>
            {visible(folder)}
          </Link>{" "}
        </>
      )}
      {tags.map((tag) => (
        <Link key={tag} href={`/prompts?tag=${encodeURIComponent(tag)}`}>
          #{visible(tag)}{" "}
        </Link>
      ))}
      {visible(description)}
    </>
  );
}

function plain(version: Version): string {
  const texts = version.messages.map((one) => {
    const text = typeof one.content === "string" ? one.content : JSON.stringify(one.content);
    return `## ${one.role}\n\n${text}`;
  });
  return `${texts.join("\n\n")}\n`;
}
