/** Who and what costs most, and asks most. */
import { Link } from "wouter";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { both, LIVE, term, tracesOf } from "@/kit/filters";
import { count, duration, money } from "@/kit/format";
import type { Range } from "@/kit/ranges";
import { visible } from "@/kit/visible";
import { Failure } from "@/parts/failure";
import { Tile } from "./tile";

const SHOWN = 6;

export function Top(props: {
  title: string;
  by: "model" | "user" | "route";
  asked: string;
  period: Range;
  /** The page that has all of them. */
  href?: string;
}) {
  const { by, asked, period } = props;
  const { data, error, refetch } = useAnswer(["metrics", "groups", by, asked], (signal) =>
    api.get("/api/v1/metrics/groups", {
      query: { by, filter: asked, limit: SHOWN + 1, sort: "cost" },
      signal,
    }),
  );
  const to = (filter: string) => tracesOf(both(LIVE, filter), { ...period });
  const rows = (data?.data ?? []).filter((group) => group.key !== null).slice(0, SHOWN);
  return (
    <Tile title={props.title} href={props.href ?? to(`has:${by}`)}>
      {error && <Failure error={error} again={() => void refetch()} />}
      {data && rows.length === 0 && <p className="soft">No call names one.</p>}
      {rows.length > 0 && (
        <table className="scores overview-top">
          <thead>
            <tr>
              <th scope="col">
                <span className="unseen">{props.by}</span>
              </th>
              {["Calls", "Errors", "p95", "Cost"].map((name) => (
                <th key={name} scope="col" className="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((group) => (
              <One key={group.key} group={group} href={to(term(by, group.key ?? ""))} />
            ))}
          </tbody>
        </table>
      )}
    </Tile>
  );
}

function One({ group, href }: { group: Schemas["trimtab.ports.telemetry.Group"]; href: string }) {
  return (
    <tr>
      <th scope="row" className="cut">
        <Link href={href}>
          <bdi>{visible(group.key ?? "").slice(0, 100)}</bdi>
        </Link>
      </th>
      <td className="number">{count(group.calls)}</td>
      <td className={group.errors ? "number bad" : "number"}>{count(group.errors)}</td>
      <td className="number">{duration(group.latency_p95_ms)}</td>
      <td className="number">{money(group.cost_usd)}</td>
    </tr>
  );
}
