/** What answers behind each route, and what waits to. */
import { useMemo } from "react";
import type { Schemas } from "@/api/client";
import { useReleases } from "@/api/releases";
import { percent } from "@/kit/format";
import { many } from "@/kit/plural";
import { lines, type Line as One } from "@/kit/releases";
import { request } from "@/kit/snippets";
import { useParam } from "@/kit/state";
import { Badge } from "@/parts/badge";
import { spoken } from "@/parts/begin";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { Search } from "@/parts/search";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";

type Release = Schemas["Release"];

export default function Releases() {
  const [search, setSearch] = useParam("search");
  const { data, error, isSuccess, refetch } = useReleases();
  const routes = useMemo(() => lines(data?.data ?? []), [data]);
  const word = search.toLowerCase();
  const shown = routes.filter((one) => one.route.toLowerCase().includes(word));
  return (
    <Frame
      title="Releases"
      note={data && routes.length > 0 && many(routes.length, "route")}
      bar={routes.length > 8 && <Search value={search} onChange={setSearch} label="Find a route" />}
    >
      {error && <Failure error={error} again={() => void refetch()} />}
      <Table
        label="Routes"
        columns={COLUMNS}
        rows={shown}
        rowKey={(one) => one.route}
        href={(one) => `/releases/${encodeURIComponent(one.route)}`}
        empty={isSuccess && (search ? <Empty title="No route has this name" /> : <None />)}
      />
    </Frame>
  );
}

const COLUMNS: readonly Column<One<Release>>[] = [
  { name: "Route", width: "minmax(120px, 1.4fr)", cell: (one) => <Line text={one.route} /> },
  { name: "Live", width: "88px", cell: (one) => <Live release={one.live} /> },
  {
    name: "Model",
    width: "minmax(120px, 1.4fr)",
    cell: (one) => <Line text={one.live?.targets.map((target) => target.model).join(", ")} />,
  },
  {
    name: "Canary",
    width: "112px",
    cell: ({ canary }) =>
      canary ? (
        <Badge tone="accent">
          version {canary.version}, {percent(canary.share, 0)}
        </Badge>
      ) : (
        <span className="soft">–</span>
      ),
  },
  {
    name: "In environments",
    width: "minmax(96px, 1fr)",
    cell: (one) => (
      <Line text={one.placed.map((at) => `${at.environment}: ${at.release.version}`).join(", ")} />
    ),
  },
  {
    name: "Waits",
    width: "120px",
    cell: ({ waiting }) =>
      waiting ? (
        <Badge tone="warn">version {waiting.version}</Badge>
      ) : (
        <span className="soft">–</span>
      ),
  },
  { name: "Versions", width: "60px", number: true, cell: (one) => one.versions },
  { name: "Newest", width: "56px", number: true, cell: (one) => <When ns={one.newest_ns} /> },
];

function Live({ release }: { release: Release | null }) {
  return release ? (
    <Badge tone="ok">version {release.version}</Badge>
  ) : (
    <span className="soft">nothing</span>
  );
}

const MAKE = `/api/v1/releases \\
  -d '{"route": "chat", "targets": [{"model": "trimtab/extract"}]}'
trimtab releases promote chat@1`;

function None() {
  return (
    <Empty title="No release yet" code={request(spoken(), MAKE)}>
      A release is what answers behind a route: a prompt, models, parameters, guards and retrieval.
      Its content never changes.
    </Empty>
  );
}
