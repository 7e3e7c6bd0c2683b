/** The page that lists what spans have a value of: sessions, users. */
import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { both } from "@/kit/filters";
import { condition } from "@/kit/ranges";
import { request } from "@/kit/snippets";
import { useStep } from "@/kit/state";
import { spoken } from "@/parts/begin";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { FilterBar } from "@/parts/filter-bar";
import { Frame } from "@/parts/frame";
import { Groups } from "@/parts/groups";
import { TimeRange, useRange } from "@/parts/time-range";
import { useVolume } from "@/parts/volume";

const CALL = `/v1/chat/completions -H 'x-trimtab-session: s1' -H 'x-trimtab-user: ann' \\
  -d '{"model": "trimtab/extract", "messages": [{"role": "user", "content": "Hello"}]}'`;

export function GroupList(props: { title: string; noun: string; of: "sessions" | "users" }) {
  const [filter, setFilter] = useStep("filter");
  const [range, setRange] = useRange();
  const asked = both(filter, condition(range));
  const found = useAnswer([props.of, asked], (signal) =>
    api.get(`/api/v1/${props.of}`, { query: { filter: asked, limit: 1_000 }, signal }),
  );
  const volume = useVolume(filter, range);
  return (
    <Frame
      title={props.title}
      note={found.data && said(found.data.data.length)}
      bar={
        <>
          <FilterBar value={filter} onChange={setFilter} error={found.error} />
          <TimeRange
            range={range}
            shown={volume.data?.ends ?? null}
            any="Any time"
            onChange={setRange}
          />
        </>
      }
    >
      {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
      <Groups
        label={props.title}
        noun={props.noun}
        groups={found.data?.data ?? []}
        href={(group) => `/${props.of}/${encodeURIComponent(group.key ?? "")}`}
        empty={
          found.isSuccess &&
          (asked ? (
            <Empty title={`No ${props.noun.toLowerCase()} matches`}>
              Widen the period, or take a condition out.
            </Empty>
          ) : (
            <Empty title={`No ${props.noun.toLowerCase()} yet`} code={request(spoken(), CALL)}>
              A call belongs to a {props.noun.toLowerCase()} when it names one.
            </Empty>
          ))
        }
      />
    </Frame>
  );
}

const said = (size: number) => (size >= 1_000 ? "the newest 1,000" : String(size));
