/** What is to know of a recorded call before it is asked again. */
import { Link } from "wouter";
import { visible } from "@/kit/visible";
import { preferred, type Recorded } from "./use-board";

export function Replayed(props: { recorded: Recorded; models: readonly string[] }) {
  const { recorded, models } = props;
  const { model } = recorded.column;
  const { trace_id, span_id, answered_by, lost, unknown, marks } = recorded;
  const redacted = marks.filter((one) => one.what === "redacted").length;
  const secrets = marks.length - redacted;
  const facts = [
    answered_by && `answered by ${answered_by}`,
    !models.includes(model) && `${model} is not available here: ${preferred(models)} is chosen`,
    recorded.prompt && `asked with ${recorded.prompt}`,
    recorded.release && `of release ${recorded.release}`,
    lost.length > 0 && `cannot be said again: ${lost.join(", ")}`,
    unknown.length > 0 && `not on record: ${unknown.join(", ")}`,
    redacted > 0 && `hidden in the record, and so in the words: ${places(redacted)}`,
    secrets > 0 && `looks like a secret: ${places(secrets)}`,
  ].filter(Boolean);
  return (
    <p className="playground-replayed">
      <Link href={`/traces/${trace_id}?span=${span_id}`}>A recorded call</Link>
      {facts.map((one, index) => (
        <span key={index}> · {visible(String(one))}</span>
      ))}
    </p>
  );
}

const places = (size: number) => (size === 1 ? "one place" : `${size} places`);
