/** The rows of a version, and one of them beside the others. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { api, type Schemas } from "@/api/client";
import { count } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { useParam } from "@/kit/state";
import { said } from "@/kit/turns";
import { visible } from "@/kit/visible";
import { Beside } from "@/parts/beside";
import { Failure } from "@/parts/failure";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { Row } from "./row";

export type Example = Schemas["Example"];

const COLUMNS: readonly Column<Example>[] = [
  {
    name: "Row",
    width: "minmax(70px, 0.6fr)",
    cell: (row) => <span className="mono">{visible(row.example_id).slice(0, 60)}</span>,
  },
  { name: "Input", width: "minmax(120px, 2.4fr)", cell: (row) => <Line text={said(row.input)} /> },
  {
    name: "Expected",
    width: "minmax(90px, 1.6fr)",
    cell: (row) => <Line text={said(row.expected)} />,
  },
  {
    name: "Tags",
    width: "minmax(50px, 0.5fr)",
    cell: (row) => <Line text={(row.tags ?? []).join(", ")} />,
  },
  { name: "Split", width: "minmax(48px, 0.5fr)", cell: (row) => <Line text={row.split} /> },
  { name: "Cluster", width: "minmax(50px, 0.6fr)", cell: (row) => <Line text={row.cluster} /> },
];

const CALL: Column<Example> = {
  name: "Call",
  width: "76px",
  cell: (row) => <Source row={row} />,
};

export function Source({ row }: { row: Example }) {
  if (!row.source_trace) return <span className="soft">–</span>;
  const span = row.source_span ? `?span=${encodeURIComponent(row.source_span)}` : "";
  return (
    <Link className="mono" href={`/traces/${encodeURIComponent(row.source_trace)}${span}`}>
      {visible(row.source_trace).slice(0, 8)}
    </Link>
  );
}

export function Rows({ dataset }: { dataset: Schemas["Dataset"] }) {
  const ref = `${dataset.name}@${dataset.version}`;
  const [chosen, choose] = useParam("row");
  const found = useRows(ref);
  const rows = found.data?.pages.flatMap((page) => page.data) ?? [];
  const row = rows.find((one) => one.example_id === chosen);
  useKeys(chosen ? [{ keys: "Escape", does: "close the row", run: () => choose("") }] : []);
  const onEnd =
    found.hasNextPage && !found.isFetching ? () => void found.fetchNextPage() : undefined;
  if (found.error) return <Failure error={found.error} again={() => void found.refetch()} />;
  const table = (
    <Table
      label={`Rows of ${visible(ref)}`}
      columns={dataset.linked ? [...COLUMNS, CALL] : COLUMNS}
      rows={rows}
      rowKey={(one) => one.example_id}
      onOpen={(one) => choose(one.example_id)}
      onEnd={onEnd}
    />
  );
  return (
    <Beside
      list={table}
      opened={
        chosen &&
        (row ? (
          <Row row={row} onClose={() => choose("")} />
        ) : (
          !found.isFetching && (
            <p className="datasets-row soft">
              The row is not among the first {count(rows.length)}; scroll on to load more.
            </p>
          )
        ))
      }
    />
  );
}

function useRows(ref: string) {
  return useInfiniteQuery({
    queryKey: ["datasets", ref, "rows"],
    queryFn: ({ pageParam, signal }) =>
      api.get("/api/v1/datasets/{ref}/examples", {
        path: { ref },
        query: { after: pageParam, limit: 500 },
        signal,
      }),
    initialPageParam: 0,
    getNextPageParam: (page) => page.next ?? undefined,
  });
}
