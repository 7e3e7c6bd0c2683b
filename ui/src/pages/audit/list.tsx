import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useLocation } from "wouter";
import { api, type Schemas } from "@/api/client";
import { useKeyNames } from "@/api/keys";
import { moment } from "@/kit/format";
import { step, useParam } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { Narrow } from "./narrow";
import { pageOf } from "./page-of";

type Entry = Schemas["AuditEntry"];

export default function Audit() {
  const [, go] = useLocation();
  const [action] = useParam("action");
  const [object] = useParam("object");
  const [principal] = useParam("principal");
  const found = useEntries({ action, object, principal });
  const rows = found.data?.pages.flatMap((page) => page.data) ?? [];
  const names = useKeyNames();
  const narrowed = Boolean(action || object || principal);
  return (
    <Frame
      title="Audit"
      note="Who changed what, newest first"
      bar={
        <>
          <Narrow
            name="principal"
            label="Who"
            hint="ann"
            value={principal}
            offered={rows.map((row) => row.principal ?? "")}
          />
          <Narrow
            name="action"
            label="What"
            hint="release.promote"
            value={action}
            offered={rows.flatMap((row) => [row.action.replace(/\..*$/, ""), row.action])}
          />
          <Narrow
            name="object"
            label="Of what"
            hint="docs or docs@3"
            keys="/"
            value={object}
            offered={rows.map((row) => row.object.replace(/@[^@]*$/, ""))}
          />
          {narrowed && (
            <Button onClick={() => step({ action: "", object: "", principal: "" })}>
              Show all
            </Button>
          )}
        </>
      }
    >
      {found.error ? (
        <Failure error={found.error} again={() => void found.refetch()} />
      ) : (
        <Table
          label="Changes"
          columns={columns(names)}
          rows={rows}
          rowKey={(row) => String(row.seq)}
          onOpen={(row) => {
            const page = pageOf(row.action, row.object);
            if (page) go(page);
          }}
          onEnd={
            found.hasNextPage && !found.isFetching ? () => void found.fetchNextPage() : undefined
          }
          empty={found.isSuccess && <None narrowed={narrowed} />}
        />
      )}
    </Frame>
  );
}

function useEntries(asked: { action: string; object: string; principal: string }) {
  return useInfiniteQuery({
    queryKey: ["audit", asked],
    queryFn: ({ pageParam, signal }) =>
      api.get("/api/v1/audit", { query: { ...asked, limit: 200, before: pageParam }, signal }),
    initialPageParam: "",
    getNextPageParam: (page) => (page.next === null ? undefined : String(page.next)),
    placeholderData: (before) => before,
  });
}

const columns = (names: Names): readonly Column<Entry>[] => [
  { name: "When", width: "148px", cell: (row) => <time>{moment(row.time_ns)}</time> },
  {
    name: "Who",
    width: "minmax(90px, 0.8fr)",
    cell: (row) => <Named id={row.principal} names={names} />,
  },
  {
    name: "What",
    width: "minmax(110px, 0.8fr)",
    cell: (row) => (
      <Term name="action" value={row.action}>
        <span className="mono">{visible(row.action)}</span>
      </Term>
    ),
  },
  { name: "Of what", width: "minmax(140px, 2fr)", cell: (row) => <Of entry={row} names={names} /> },
  {
    name: "Digest",
    width: "100px",
    cell: (row) => (
      <span className="mono soft" title={row.digest}>
        {row.digest.slice(0, 12) || "–"}
      </span>
    ),
  },
  { name: "Number", width: "64px", number: true, cell: (row) => row.seq },
];

/** A value that narrows the list to itself. */
function Term(props: { name: string; value: string; children: React.ReactNode }) {
  const to = new URLSearchParams({ [props.name]: props.value });
  return (
    <Link href={`/audit?${to}`} title={`Show only ${visible(props.value)}`}>
      {props.children}
    </Link>
  );
}

type Names = ReadonlyMap<string, string>;

function Of({ entry, names }: { entry: Entry; names: Names }) {
  const page = pageOf(entry.action, entry.object);
  const what = <Named id={entry.object} names={names} />;
  return page ? <Link href={page}>{what}</Link> : what;
}

/** A key by what it is called; its id stands in the title. */
function Named({ id, names }: { id: string | null; names: Names }) {
  const name = names.get(id ?? "");
  return name === undefined ? <Line text={id} /> : <bdi title={id ?? ""}>{visible(name)}</bdi>;
}

function None({ narrowed }: { narrowed: boolean }) {
  if (narrowed)
    return (
      <Empty title="Nothing of that was changed">
        Names are compared whole: docs finds docs@1 and docs@2, and not docs-new.
      </Empty>
    );
  return (
    <Empty title="Nothing was changed yet" code={FIRST}>
      Each change to a prompt, dataset, release, key or plan is an entry here.
    </Empty>
  );
}

const FIRST = `echo '{"input": "Which port does the server use?", "expected": "8321"}' > golden.jsonl
trimtab datasets import golden golden.jsonl`;
