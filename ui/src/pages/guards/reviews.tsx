/** Calls that a rule asks people to decide about: one after the other, by two keys. */
import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { useKeys } from "@/kit/keys";
import { useParam } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Badge, type Tone } from "@/parts/badge";
import { Button } from "@/parts/button";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Field } from "@/parts/field";
import { Frame } from "@/parts/frame";
import { done, failed } from "@/parts/messages";
import { Facts, Pane } from "@/parts/pane";
import { Split } from "@/parts/split";
import { type Column, Table } from "@/parts/table";
import { Tabs } from "@/parts/tabs";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";
import { EventFacts, FoundTexts } from "./found";
import { GuardSections, Since, useSince } from "./sections";
import "./guards.css";

type Review = Schemas["Review"];
type Decision = "upheld" | "dismissed" | "pending";

const WHICH = ["pending", "upheld", "dismissed", "all"] as const;
const key = (one: Review) => `${one.span_id} ${one.rule}`;

export default function Reviews() {
  const [since, setSince] = useSince();
  const [which, setWhich] = useParam("decision", "pending");
  const [chosen, choose] = useParam("review");
  const { data, error, isSuccess, refetch } = useAnswer(
    ["guards", "reviews", which, since],
    (signal) =>
      api.get("/api/v1/guards/reviews", {
        query: { decision: which, since, limit: 1_000 },
        signal,
      }),
  );
  const reviews = data?.data ?? [];
  const at = Math.max(
    0,
    reviews.findIndex((one) => key(one) === chosen),
  );
  const review = reviews[at];
  const decide = async (decision: Decision, reason: string) => {
    if (!review) return;
    const next = reviews[at + 1] ?? reviews[at - 1];
    if (await decided(review, decision, reason)) choose(next ? key(next) : "");
  };
  return (
    <Frame
      title="Guard reviews"
      note={data && reviews.length > 0 && String(reviews.length)}
      actions={
        <>
          <GuardSections />
          <Since value={since} onChange={setSince} />
        </>
      }
      bar={
        <Tabs
          label="Which"
          names={WHICH}
          now={WHICH.find((one) => one === which) ?? "pending"}
          onChange={setWhich}
        />
      }
    >
      {error && <Failure error={error} again={() => void refetch()} />}
      {review ? (
        <Split
          name="reviews"
          label="Width of the list of reviews"
          share={40}
          left={
            <Table
              label="Reviews"
              columns={COLUMNS}
              rows={reviews}
              rowKey={key}
              onOpen={(one) => choose(key(one))}
              tone={(one) => (one === review ? "new" : undefined)}
            />
          }
          right={<ReviewPane key={key(review)} review={review} onDecide={decide} />}
        />
      ) : (
        isSuccess && <None which={which} />
      )}
    </Frame>
  );
}

/** Stores a decision, and offers to let the call wait again. */
async function decided(review: Review, decision: Decision, reason: string): Promise<boolean> {
  const { rule, span_id } = review;
  const send = async (decision: Decision, reason: string | null) => {
    const body = { rule, span_id, trace_id: review.trace_id ?? "", decision, reason };
    await api.post("/api/v1/guards/reviews", { body });
    changed("guards", "scores");
  };
  try {
    await send(decision, reason.trim() || null);
  } catch (error) {
    failed(error);
    return false;
  }
  done(
    `${decision === "upheld" ? "Upheld" : "Dismissed"}: ${visible(rule)}`,
    () => void send("pending", null).catch(failed),
  );
  return true;
}

function ReviewPane(props: {
  review: Review;
  onDecide: (decision: Decision, reason: string) => void;
}) {
  const { review, onDecide } = props;
  const [reason, setReason] = useState("");
  useKeys([
    { keys: "u", does: "uphold: the rule was right", run: () => onDecide("upheld", reason) },
    { keys: "d", does: "dismiss: the rule was wrong", run: () => onDecide("dismissed", reason) },
  ]);
  const query = { rule: review.rule, since: "366d", filter: `trace_id:${review.trace_id}` };
  const { data } = useAnswer(["guards", "events", query], (signal) =>
    api.get("/api/v1/guards/events", { query, signal }),
  );
  const event = data?.data.find((one) => one.span_id === review.span_id);
  return (
    <Pane
      title={visible(review.rule)}
      note={<Decided review={review} />}
      actions={
        <>
          <Button onClick={() => onDecide("upheld", reason)}>
            Uphold <kbd>u</kbd>
          </Button>
          <Button onClick={() => onDecide("dismissed", reason)}>
            Dismiss <kbd>d</kbd>
          </Button>
        </>
      }
    >
      <p>Was the rule right about this call?</p>
      <Field label="Why" small hint="Kept with the decision. Escape leaves the field.">
        <input
          className="input"
          value={reason}
          onChange={(change) => setReason(change.target.value)}
          onKeyDown={(press) => press.key === "Escape" && press.currentTarget.blur()}
        />
      </Field>
      {review.author && (
        <Facts
          facts={[
            ["Decided by", visible(review.author)],
            ["Because", review.reason && <Line text={review.reason} />],
          ]}
        />
      )}
      {event && <EventFacts event={event} />}
      {event && <FoundTexts event={event} />}
    </Pane>
  );
}

const TONES: Record<string, Tone> = { pending: "warn", upheld: "ok", dismissed: "soft" };

function Decided({ review }: { review: Review }) {
  return <Badge tone={TONES[review.decision] ?? "soft"}>{review.decision}</Badge>;
}

const COLUMNS: readonly Column<Review>[] = [
  { name: "When", width: "56px", number: true, cell: (one) => <When ns={one.time_ns} /> },
  { name: "Rule", width: "minmax(96px, 1fr)", cell: (one) => <Line text={one.rule} /> },
  { name: "Decision", width: "84px", cell: (one) => <Decided review={one} /> },
  { name: "By", width: "minmax(64px, 1fr)", cell: (one) => <Line text={one.author} /> },
];

const CODE = `guards:
  policy: customer-facing
  rules:
    - {signal: injection, name: hidden, on: [context, tool], action: review, mode: enforce}`;

function None({ which }: { which: string }) {
  if (which !== "pending")
    return <Empty title="No such decision">Nothing was decided so in this period.</Empty>;
  return (
    <Empty title="Nothing waits for a decision" code={CODE} label="In trimtab.yaml">
      A rule with the action review lets a call go on, and asks people about it here.
    </Empty>
  );
}
