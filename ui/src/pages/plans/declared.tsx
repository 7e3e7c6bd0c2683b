/** The plans themselves: the newest version of each, and what one says. */
import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { count } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { useParam } from "@/kit/state";
import { Button } from "@/parts/button";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { Split } from "@/parts/split";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";
import { Flow } from "./flow";
import { FIRST, PlanSections } from "./sections";
import { Start } from "./start";

export type Plan = Schemas["Plan"];

const COLUMNS: readonly Column<Plan>[] = [
  { name: "Plan", width: "minmax(110px, 1fr)", cell: (row) => <Line text={row.name} /> },
  { name: "Version", width: "52px", number: true, cell: (row) => row.version },
  { name: "Steps", width: "44px", number: true, cell: (row) => count(row.steps.length) },
  {
    name: "What it does",
    width: "minmax(120px, 1.6fr)",
    cell: (row) => <Line text={row.description} />,
  },
  { name: "When", width: "52px", cell: (row) => <When ns={row.created_ns} /> },
];

export default function Declared() {
  const [shown, setShown] = useParam("plan");
  const [starting, setStarting] = useState<Plan | null>(null);
  const found = useAnswer(["plans"], (signal) => api.get("/api/v1/plans", { signal }));
  const rows = found.data?.data ?? [];
  const name = shown.replace(/@[^@]*$/, "");
  const one = rows.find((row) => row.name === name) ?? (shown ? undefined : rows[0]);
  useKeys(one ? [{ keys: "n", does: "run the plan", run: () => setStarting(one) }] : []);
  return (
    <Frame title="Plans" bar={<PlanSections />}>
      {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
      {found.isSuccess && rows.length === 0 && (
        <Empty title="No plan yet" code={FIRST}>
          A plan is a fixed flow of several steps, declared in YAML and run step by step on the
          server.
        </Empty>
      )}
      {rows.length > 0 && (
        <Split
          name="plans"
          label="Width of the list"
          share={42}
          left={
            <div className="plans-pane">
              <Table
                label="Plans"
                columns={COLUMNS}
                rows={rows}
                rowKey={(row) => row.name}
                onOpen={(row) => setShown(row.name)}
              />
            </div>
          }
          right={
            <div className="plans-pane">
              {one ? (
                <Flow
                  plan={one}
                  at={shown || one.name}
                  actions={
                    <Button kind="main" onClick={() => setStarting(one)}>
                      Run it <kbd>n</kbd>
                    </Button>
                  }
                />
              ) : (
                found.isSuccess && <Empty title="There is no such plan" />
              )}
            </div>
          }
        />
      )}
      {starting && <Start plan={starting} onClose={() => setStarting(null)} />}
    </Frame>
  );
}
