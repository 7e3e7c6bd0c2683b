/** One's own scores: written, taken back, and put back. They have an id that the page gave them. */
import { api, type Draft, type Schemas } from "@/api/client";
import { changed } from "@/api/query";
import { done, failed } from "@/parts/messages";
import type { Score } from "./data";

type Input = Omit<Draft<Schemas["ScoreInput"]>, "metadata"> & {
  metadata?: Record<string, unknown>;
};

/** Stores a score of somebody's own, and offers to take it back. */
export async function annotated(input: Input): Promise<boolean> {
  const id = random();
  const whole = { ...input, id, source: "human" as const, metadata: { annotation: id } };
  try {
    await send(whole);
  } catch (error) {
    failed(error);
    return false;
  }
  done(`Annotated: ${input.name}`, () => void takenBack(whole).catch(failed));
  return true;
}

/** Takes a score back, and offers to put it back. */
export async function withdrawn(score: Score): Promise<void> {
  const whole = inputOf(score);
  try {
    await takenBack(whole);
    done(`Withdrawn: ${score.name}`, () => void send(whole).catch(failed));
  } catch (error) {
    failed(error);
  }
}

/** A judgement that was taken back is an absence with a reason, and so is it stored. */
async function takenBack({ value, label, passed, ...rest }: Input): Promise<void> {
  const metadata = { ...(rest.metadata ?? {}), withdrawn: true };
  await send({ ...rest, status: "unscored", reason: "withdrawn by its author", metadata });
}

async function send(input: Input): Promise<void> {
  await api.post("/api/v1/scores", { body: input as never });
  changed("scores");
}

function inputOf(score: Score): Input {
  const { annotation } = score.metadata as { annotation?: string };
  const judged =
    score.value !== null
      ? { value: score.value }
      : score.label !== null
        ? { label: score.label }
        : { passed: score.passed };
  return {
    id: annotation ?? null,
    name: score.name,
    target: score.target,
    source: score.source,
    author: score.author,
    reason: score.reason,
    metadata: score.metadata,
    ...judged,
  };
}

/** 16 random bytes in hexadecimal; `randomUUID` is only there on a secure page. */
function random(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
