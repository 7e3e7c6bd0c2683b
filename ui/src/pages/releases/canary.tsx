/** The figures of a canary beside what it runs beside; the intervals hold at every look. */
import { api, Problem, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { count, digits, duration, moment, money, percent, signed } from "@/kit/format";
import { visible } from "@/kit/visible";
import { Badge, type Tone } from "@/parts/badge";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Interval } from "@/parts/interval";
import { Facts, Rows } from "@/parts/pane";
import { Line } from "@/parts/text";

type Release = Schemas["Release"];
type Report = Schemas["WatchReport"];
type Figure = Schemas["FigureReport"];

const EVERY_MS = 10_000;

export function CanaryFigures({ release }: { release: Release }) {
  const ref = release.release_id;
  const { data, error, refetch } = useAnswer(
    ["releases", "watch", ref],
    (signal) => api.get("/api/v1/releases/{ref}/watch", { path: { ref }, signal }),
    { every: release.state === "canary" ? EVERY_MS : 0 },
  );
  if (error instanceof Problem && error.status === 409)
    return (
      <Empty
        title="It never was a canary"
        code={`trimtab releases canary ${release.route}@${release.version} --share 5%`}
      >
        A canary answers a share of the calls, and is compared with what answers the rest.
      </Empty>
    );
  if (error) return <Failure error={error} again={() => void refetch()} />;
  if (!data) return null;
  return (
    <>
      {data.taken_back && <p className="releases-warning">{visible(data.taken_back)}</p>}
      {data.sighting === "blind" && (
        <p className="releases-warning">The server cannot read its calls at present.</p>
      )}
      <Facts
        facts={[
          ["Share", data.share === null ? "" : percent(data.share, 0)],
          ["Beside", visible(data.beside)],
          ["Since", moment(data.since_ns)],
          ["Watched", watched(data)],
        ]}
      />
      <Rows
        label="Figures of the canary"
        rows={data.figures}
        rowKey={(one) => one.figure}
        empty="No figure is watched."
        columns={COLUMNS}
      />
      {data.figures.map((one) => (
        <p key={one.figure} className="releases-sentence soft">
          {visible(one.sentence)}
          {one.left_out > 0 && `; ${count(one.left_out)} calls left out`}
        </p>
      ))}
    </>
  );
}

function watched({ sighting, watch }: Report): string {
  if (!watch || sighting === "asked") return "by nobody: computed for this page";
  const every = duration(1_000 * watch.every_s);
  return `every ${every}; ends by itself when worse, wrongly at most ${percent(watch.alpha, 0)} of the time`;
}

const STANDINGS: Record<string, [string, Tone]> = {
  worse: ["✕ proved worse", "error"],
  within: ["✓ not worse", "ok"],
  unknown: ["? not known", "soft"],
};

const COLUMNS: React.ComponentProps<typeof Rows<Figure>>["columns"] = [
  { name: "Figure", width: "16%", cell: (one) => <Line text={one.figure} /> },
  {
    name: "Standing",
    width: "116px",
    cell: (one) => {
      const [text, tone] = STANDINGS[one.standing] ?? ["", "soft"];
      return <Badge tone={tone}>{text}</Badge>;
    },
  },
  { name: "Canary", width: "64px", number: true, cell: (one) => said(one, one.canary.mean) },
  { name: "Beside", width: "64px", number: true, cell: (one) => said(one, one.main.mean) },
  { name: "Difference", cell: (one) => <Change figure={one} /> },
  {
    name: "Sessions",
    width: "76px",
    number: true,
    cell: (one) => `${count(one.canary.sessions)}, ${count(one.main.sessions)}`,
  },
];

function said(figure: Figure, value: number | null): string {
  if (value === null) return "–";
  if (figure.figure === "cost") return money(value);
  return isRate(figure) ? percent(value) : digits(value);
}

const isRate = ({ figure }: Figure) => ["error", "blocked", "slow"].includes(figure);

function Change({ figure }: { figure: Figure }) {
  const { difference, low, high, margin } = figure;
  if (difference === null || low === null || high === null)
    return <span className="soft">no interval</span>;
  const text = (value: number) =>
    signed(value, (size) => (isRate(figure) ? `${digits(100 * size)} points` : said(figure, size)));
  const far = Math.max(Math.abs(low), Math.abs(high), margin, 1e-9);
  const label = `${text(difference)}, between ${text(low)} and ${text(high)} at ${percent(figure.confidence)}`;
  const tone = figure.standing === "worse" ? "error" : figure.standing === "within" ? "ok" : "soft";
  return (
    <span className="row" title={label}>
      <Interval
        value={difference}
        low={low}
        high={high}
        from={-far}
        to={far}
        mark={0}
        tone={tone}
        label={label}
      />
      <span className="cut">{text(difference)}</span>
    </span>
  );
}
