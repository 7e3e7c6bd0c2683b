import { useMemo, useRef } from "react";
import { Link, useLocation } from "wouter";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { isMeant } from "@/kit/folders";
import { count } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { request } from "@/kit/snippets";
import { patch, useParams } from "@/kit/state";
import { visible } from "@/kit/visible";
import { spoken } from "@/parts/begin";
import { Button } from "@/parts/button";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";
import { Groups } from "./groups";
import { Labels } from "./label";
import "./list.css";

const STORE = `/api/v1/prompts -d '{
  "name": "greeting", "labels": ["production"],
  "messages": [{"role": "system", "content": "Greet {{ name }} in a kind way."}]}'`;

interface Row {
  entry: Schemas["PromptEntry"];
  /** The newest version, as soon as it is there. */
  newest: Schemas["Prompt"] | null;
}

const key = (row: Row) => row.entry.name;

export default function Prompts() {
  const [, go] = useLocation();
  const { q = "", folder = "", tag = "", label = "", archived = "" } = useParams();
  const search = useRef<HTMLInputElement>(null);
  const entries = useAnswer(["prompts", "entries", archived], (signal) =>
    api.get("/api/v1/prompt-entries", {
      query: { archived: archived ? "true" : "false" },
      signal,
    }),
  );
  const newest = useAnswer(["prompts", "newest", archived], (signal) =>
    api.get("/api/v1/prompts", { query: { archived: archived ? "true" : "false" }, signal }),
  );
  const all = entries.data?.data ?? [];
  const versions = newest.data?.data;
  const rows = useMemo(() => {
    const known = new Map((versions ?? []).map((one) => [one.name, one]));
    const asked = { q, folder, tag, label };
    return (entries.data?.data ?? [])
      .map((entry): Row => ({ entry, newest: known.get(entry.name) ?? null }))
      .filter((row) => isMeant(row.entry, asked, row.newest ? words(row.newest) : ""));
  }, [entries.data, versions, q, folder, tag, label]);
  useKeys([
    { keys: "/", does: "search the prompts", run: () => search.current?.focus() },
    { keys: "n", does: "write a new prompt", run: () => go("/playground?new=1") },
  ]);
  const isNarrowed = q || folder || tag || label;
  return (
    <Frame
      title="Prompts"
      note={entries.data && (isNarrowed ? `${count(rows.length)} of ${count(all.length)}` : "")}
      actions={
        <Button onClick={() => go("/playground?new=1")}>
          New prompt <kbd>n</kbd>
        </Button>
      }
      bar={
        <>
          <input
            ref={search}
            className="input prompts-search"
            type="search"
            aria-label="Search names, words, tags and labels"
            placeholder="Search names, words, tags and labels"
            value={q}
            onChange={(event) => patch({ q: event.target.value })}
            onKeyDown={(event) => {
              if (event.key !== "Escape" && event.key !== "Enter") return;
              // a field for searching would be emptied by it
              event.preventDefault();
              event.currentTarget.blur();
            }}
          />
          <label className="row">
            <input
              type="checkbox"
              checked={archived !== ""}
              onChange={(event) => patch({ archived: event.target.checked ? "1" : "" })}
            />
            Archived as well
          </label>
        </>
      }
    >
      {entries.error && <Failure error={entries.error} again={() => void entries.refetch()} />}
      <div className="prompts-body">
        {all.length > 0 && <Groups entries={all} folder={folder} tag={tag} label={label} />}
        <Table
          label="Prompts"
          columns={COLUMNS}
          rows={rows}
          rowKey={key}
          href={(row) => `/prompts/${encodeURIComponent(key(row))}`}
          empty={
            entries.isSuccess &&
            (all.length > 0 ? (
              <Empty title="No prompt matches">Take a word or a choice out.</Empty>
            ) : (
              <Empty title="No prompt yet" code={request(spoken(), STORE)}>
                A prompt is a template of messages with versions. Write one in the{" "}
                <Link href="/playground?new=1">playground</Link>, or store one:
              </Empty>
            ))
          }
        />
      </div>
    </Frame>
  );
}

function words(prompt: Schemas["Prompt"]): string {
  return prompt.messages
    .map((one) => (typeof one.content === "string" ? one.content : ""))
    .join("\n");
}

const COLUMNS: Column<Row>[] = [
  {
    name: "Name",
    width: "minmax(160px, 2fr)",
    cell: ({ entry }) => (
      <>
        {entry.folder && <span className="soft">{visible(entry.folder)}/</span>}
        <Line text={entry.name} />
        {entry.archived && <span className="soft"> (archived)</span>}
      </>
    ),
  },
  { name: "Version", width: "56px", number: true, cell: ({ entry }) => entry.latest },
  {
    name: "Labels",
    width: "minmax(170px, 1fr)",
    cell: ({ entry }) => <Labels labels={entry.labels} />,
  },
  {
    name: "Tags",
    width: "minmax(80px, 1fr)",
    cell: ({ entry }) => <Line text={entry.tags.join(", ")} />,
  },
  {
    name: "Variables",
    width: "minmax(100px, 1fr)",
    cell: ({ newest }) => newest && <Line text={newest.variables.join(", ")} />,
  },
  {
    name: "About",
    width: "minmax(120px, 2fr)",
    cell: ({ entry, newest }) => <Line text={entry.description || newest?.note} />,
  },
  {
    name: "Changed",
    width: "64px",
    number: true,
    cell: ({ newest }) => newest && <When ns={newest.created_ns} />,
  },
];
