/** Everything that became of the releases of a route, newest first. */

import { Link } from "wouter";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { percent } from "@/kit/format";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Failure } from "@/parts/failure";
import { Rows } from "@/parts/pane";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";

type Event = Schemas["trimtab.releases.history.Event"];

const DID: Record<string, string> = {
  add: "made",
  approve: "approved",
  canary: "canary",
  end_canary: "canary ended",
  promote: "promoted",
  retire: "retired",
  roll_back: "rolled back",
  withdraw: "withdrawn",
};

export function History(props: { route: string; onOpen: (version: string) => void }) {
  const { route } = props;
  const { data, error, refetch } = useAnswer(["releases", "history", route], (signal) =>
    api.get("/api/v1/routes/{name}/history", { path: { name: route }, signal }),
  );
  if (error) return <Failure error={error} again={() => void refetch()} />;
  if (!data) return null;
  return (
    <Rows
      label="History"
      rows={data.data}
      rowKey={(one) => `${one.release} ${one.time_ns} ${one.action}`}
      empty="Nothing has become of it."
      columns={[
        { name: "When", width: "68px", cell: (one) => <When ns={one.time_ns} /> },
        {
          name: "Release",
          width: "76px",
          cell: (one) => (
            <Button
              kind="quiet"
              className="releases-version"
              onClick={() => props.onOpen(one.release.slice(one.release.lastIndexOf("@") + 1))}
            >
              {one.release.slice(one.release.lastIndexOf("@") + 1)}
            </Button>
          ),
        },
        { name: "What", width: "30%", cell: (one) => <Line text={what(one)} /> },
        { name: "Who", width: "16%", cell: (one) => <Line text={one.principal} /> },
        { name: "Why", cell: (one) => <Why event={one} /> },
      ]}
    />
  );
}

function what(event: Event): string {
  const parts = [
    DID[event.action] ?? event.action,
    event.share !== null && percent(event.share, 0),
    event.environment && `in ${event.environment}`,
    event.segment && "of a segment",
    event.watch && "watched",
  ];
  return parts.filter(Boolean).join(", ");
}

function Why({ event }: { event: Event }) {
  return (
    <>
      {event.run && (
        <>
          <Link href={`/experiments/${event.run}`}>run {visible(event.run.slice(-6))}</Link>{" "}
        </>
      )}
      {event.reason && <Line text={event.reason} />}
    </>
  );
}
