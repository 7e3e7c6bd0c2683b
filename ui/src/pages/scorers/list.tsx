/** Scorers and judges there are, and how far each judge can be believed. */
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { chosenOf } from "@/kit/choice";
import { count } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { useParam, useStep } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Badge, type Tone } from "@/parts/badge";
import { Beside } from "@/parts/beside";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { Search } from "@/parts/search";
import { type Column, Table } from "@/parts/table";
import { Tabs } from "@/parts/tabs";
import { Line } from "@/parts/text";
import { Cards } from "./cards";
import { Scorer } from "./scorer";
import "./scorers.css";

export type Info = Schemas["ScorerInfo"];
export type Card = Schemas["CalibrationCard"];

const TABS = ["All", "Code", "Models", "Judges", "Calibration cards"] as const;
const TIERS: Record<string, string> = { Code: "code", Models: "model", Judges: "judge" };
const TONES: Record<string, Tone> = { code: "soft", model: "accent", judge: "warn" };

export default function Scorers() {
  const [shown, setTab] = useStep("show", TABS[0]);
  const tab = chosenOf(TABS, shown);
  const [search, setSearch] = useParam("search");
  const [name, choose] = useParam("name");
  const found = useAnswer(["scorers"], (signal) => api.get("/api/v1/scorers", { signal }));
  const cards = useAnswer(["cards"], (signal) => api.get("/api/v1/cards", { signal }));
  const all = found.data?.data ?? [];
  const known = cards.data?.data ?? [];
  const asked = search.toLowerCase();
  const rows = all.filter(
    (one) =>
      (!TIERS[tab] || one.tier === TIERS[tab]) &&
      `${one.name} ${one.summary}`.toLowerCase().includes(asked),
  );
  const scorer = all.find((one) => one.name === name);
  useKeys([
    ...(name ? [{ keys: "Escape", does: "close the scorer", run: () => choose("") }] : []),
    ...TABS.map((one, index) => ({
      keys: String(index + 1),
      does: `show ${one.toLowerCase()}`,
      run: () => setTab(one),
    })),
  ]);
  const table = (
    <Table
      label="Scorers"
      columns={scorer ? columns(known).slice(0, 3) : columns(known)}
      rows={rows}
      rowKey={(row) => row.name}
      onOpen={(row) => choose(row.name)}
      empty={found.isSuccess && <Empty title="No scorer has that in its name or summary" />}
    />
  );
  const error = found.error ?? (tab === "Calibration cards" ? cards.error : null);
  return (
    <Frame
      title="Scorers and judges"
      note={
        found.data && `${count(all.length)} built in · ${count(known.length)} calibration cards`
      }
      bar={
        <>
          <Tabs
            label="Which of them"
            names={TABS}
            now={TABS.find((one) => one === tab) ?? "All"}
            onChange={setTab}
          />
          <span className="grow" />
          <Search value={search} onChange={setSearch} label="Find a scorer" />
        </>
      }
    >
      {error && (
        <Failure
          error={error}
          again={() => {
            void found.refetch();
            void cards.refetch();
          }}
        />
      )}
      {!error && tab === "Calibration cards" && (
        <Cards cards={known.filter((one) => one.scorer.toLowerCase().includes(asked))} />
      )}
      {!error && tab !== "Calibration cards" && (
        <Beside
          list={table}
          opened={
            scorer && (
              <Scorer
                scorer={scorer}
                cards={known.filter((one) => one.scorer === scorer.name)}
                onClose={() => choose("")}
              />
            )
          }
        />
      )}
    </Frame>
  );
}

function columns(cards: readonly Card[]): Column<Info>[] {
  return [
    {
      name: "Name",
      width: "minmax(130px, 170px)",
      cell: (row) => <span className="mono">{visible(row.name)}</span>,
    },
    {
      name: "Works by",
      width: "64px",
      cell: (row) => <Badge tone={TONES[row.tier] ?? "soft"}>{row.tier}</Badge>,
    },
    {
      name: "What it measures",
      width: "minmax(160px, 3fr)",
      cell: (row) => <Line text={row.summary} />,
    },
    { name: "Scale", width: "minmax(70px, 150px)", cell: (row) => <Line text={row.scale} /> },
    {
      name: "Better",
      width: "48px",
      cell: (row) => <span className="soft">{row.higher_is_better ? "more" : "less"}</span>,
    },
    {
      name: "Needs",
      width: "minmax(90px, 1fr)",
      cell: (row) => <Line text={row.needs.join(", ")} />,
    },
    {
      name: "Cards",
      width: "44px",
      number: true,
      cell: (row) => count(cards.filter((one) => one.scorer === row.name).length),
    },
  ];
}
