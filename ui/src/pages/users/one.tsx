import { Link, useLocation } from "wouter";
import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { both, term, tracesOf } from "@/kit/filters";
import { condition } from "@/kit/ranges";
import { usePathEnd } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Copy } from "@/parts/copy";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Figures } from "@/parts/figures";
import { Frame } from "@/parts/frame";
import { figuresOf, Groups } from "@/parts/groups";
import { Scores } from "@/parts/scores";
import { TimeRange, useRange } from "@/parts/time-range";
import { useVolume, VolumeBars } from "@/parts/volume";
import "./one.css";

export default function User() {
  const [, go] = useLocation();
  const id = usePathEnd();
  const [range, setRange] = useRange();
  const filter = term("user", id);
  const asked = both(filter, condition(range));
  const query = { filter: asked };
  const own = useAnswer(["users", asked, "one"], (signal) =>
    api.get("/api/v1/users", { query, signal }),
  );
  const sessions = useAnswer(["sessions", asked, "of"], (signal) =>
    api.get("/api/v1/sessions", { query: { ...query, limit: 1_000 }, signal }),
  );
  const volume = useVolume(filter, range, { whole: true });
  const group = own.data?.data.find((one) => one.key === id);
  const traces = tracesOf(filter, { ...range });
  return (
    <Frame
      title={`User ${visible(id).slice(0, 120)}`}
      note={<Link href="/users">All users</Link>}
      actions={
        <>
          <Copy text={id} label="Copy the name" />
          <TimeRange
            range={range}
            shown={volume.data?.ends ?? null}
            any="Any time"
            onChange={setRange}
          />
        </>
      }
    >
      {own.error && <Failure error={own.error} again={() => void own.refetch()} />}
      {own.isSuccess && !group ? (
        <Empty title="Nothing is recorded of this user in this period">
          <Link href="/users">All users</Link>
        </Empty>
      ) : (
        <Figures label="Figures of the user" figures={figuresOf(group, traces)} />
      )}
      {volume.data && group && (
        <div className="users-volume">
          <VolumeBars
            volume={volume.data}
            label="Spans"
            onPick={(period) => go(tracesOf(filter, { ...period }))}
            onRange={setRange}
          />
        </div>
      )}
      {group && (
        <div className="users-body">
          <section aria-label="Sessions" className="users-sessions">
            <h2>Sessions</h2>
            <Groups
              label="Sessions of the user"
              noun="Session"
              groups={sessions.data?.data ?? []}
              href={(one) => `/sessions/${encodeURIComponent(one.key ?? "")}`}
              empty={
                sessions.isSuccess && <p className="soft users-none">No call named a session.</p>
              }
            />
          </section>
          <section aria-label="Scores" className="users-scores">
            <h2>Scores</h2>
            <Scores filter={filter} asked={asked} range={range} />
          </section>
        </div>
      )}
    </Frame>
  );
}
