/** The newest calls that failed, as they come. */
import { Link } from "wouter";
import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { both, tracesOf } from "@/kit/filters";
import { Failure } from "@/parts/failure";
import { Rows } from "@/parts/pane";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";
import { EVERY_MS } from "./sections";

const FAILED = "service:trimtab.gateway status:error";
const SHOWN = 12;

export function Errors({ filter }: { filter: string }) {
  const asked = both(both(FAILED, filter), "since:24h");
  const { data, error, refetch } = useAnswer(
    ["traces", "errors", asked],
    (signal) => api.get("/api/v1/traces", { query: { filter: asked, limit: SHOWN }, signal }),
    { every: EVERY_MS },
  );
  return (
    <>
      <h3 className="spread">
        <span>Newest errors</span>
        <Link href={tracesOf(both(FAILED, filter))}>All of them</Link>
      </h3>
      {error && <Failure error={error} again={() => void refetch()} />}
      {data && (
        <Rows
          label="Newest errors"
          rows={data.data}
          rowKey={(trace) => trace.trace_id}
          empty="No call failed in the last 24 hours."
          columns={[
            {
              name: "When",
              width: "68px",
              cell: (trace) => <When ns={trace.start_ns} />,
            },
            {
              name: "Call",
              width: "36%",
              cell: (trace) => (
                <Link href={`/traces/${trace.trace_id}`}>
                  <Line text={trace.name} />
                </Link>
              ),
            },
            { name: "Error", cell: (trace) => <Line text={trace.error} /> },
          ]}
        />
      )}
    </>
  );
}
