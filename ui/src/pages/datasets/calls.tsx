/** Recorded calls as rows: those that a filter finds. */
import { useState } from "react";
import { useLocation } from "wouter";
import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { visible } from "@/kit/visible";
import { FilterBar } from "@/parts/filter-bar";
import { IntoDataset } from "@/parts/into-dataset";
import { Line } from "@/parts/text";
import { to } from "./list";

const SHOWN = 5;

export function Calls({ name, onClose }: { name?: string; onClose: () => void }) {
  const [, go] = useLocation();
  const [filter, setFilter] = useState("kind:llm");
  return (
    <IntoDataset
      title={name ? `Add calls to ${visible(name)}` : "A dataset of recorded calls"}
      filter={filter}
      name={name}
      onMade={(made) => go(to(made.name))}
      onClose={onClose}
    >
      <div>
        <strong>Calls</strong>
        <FilterBar value={filter} onChange={setFilter} />
      </div>
      <Found filter={filter} />
    </IntoDataset>
  );
}

/** What the newest of them were asked. */
function Found({ filter }: { filter: string }) {
  const { data, error } = useAnswer(["traces", "sample", filter], (signal) =>
    api.get("/api/v1/traces", { query: { filter, limit: SHOWN }, signal }),
  );
  if (error) return <p className="datasets-problem">{error.message}</p>;
  const rows = data?.data ?? [];
  return (
    <div className="datasets-sample">
      <span className="soft">
        {data && (rows.length > 0 ? "The newest that match:" : "No call matches.")}
      </span>
      <ul className="datasets-list" aria-label="The newest that match">
        {rows.map((trace) => (
          <li key={trace.trace_id} className="cut">
            <Line text={trace.input_preview ?? trace.name} />
          </li>
        ))}
      </ul>
    </div>
  );
}
