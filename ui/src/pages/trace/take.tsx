/** A recorded call as code: for a shell, for Python, for a test. */
import { useState } from "react";
import { api, key } from "@/api/client";
import { useAnswer } from "@/api/query";
import { curl, pytest, pythonCall } from "@/kit/calls";
import { base } from "@/kit/place";
import { plain, turns } from "@/kit/turns";
import { Snippet } from "@/parts/copy";
import { Dialog } from "@/parts/dialog";
import { Failure } from "@/parts/failure";
import { Tabs } from "@/parts/tabs";
import { useSpan } from "./data";

const SHAPES = ["curl", "Python", "pytest"] as const;
type Shape = (typeof SHAPES)[number];

const LABELS: Record<Shape, string> = {
  curl: "In a terminal",
  Python: "With the openai package",
  pytest: "As a test: asks again and compares with the recorded answer",
};

export function TakeAlong(props: { trace_id: string; span_id: string; onClose: () => void }) {
  const { trace_id, span_id } = props;
  const [shape, setShape] = useState<Shape>("curl");
  const { data, error, refetch } = useAnswer(["recorded", trace_id, span_id], (signal) =>
    api.get("/api/v1/playground/from-span/{trace_id}/{span_id}", {
      path: { trace_id, span_id },
      signal,
    }),
  );
  const { span, isThere } = useSpan(trace_id, span_id);
  const isReady = data?.span_id === span_id && isThere && span;
  return (
    <Dialog title="The call as code" wide onClose={props.onClose}>
      {error && <Failure error={error} again={() => void refetch()} />}
      {isReady && data && (
        <>
          <Tabs label="As code for" names={SHAPES} now={shape} onChange={setShape} />
          {data.marks.length > 0 && (
            <p className="soft">
              Some of what was said is hidden in the record, or looks like a secret; it stands in
              the code as it is on record.
            </p>
          )}
          <Snippet code={code(shape, data.column, answered(span.output))} label={LABELS[shape]} />
        </>
      )}
    </Dialog>
  );
}

function code(shape: Shape, column: Parameters<typeof curl>[0], answer: string): string {
  const url = new URL("v1", base).href;
  const withKey = key.get() !== null;
  if (shape === "curl") return curl(column, url, withKey);
  if (shape === "Python") return pythonCall(column, url, withKey);
  return pytest(column, url, withKey, answer);
}

/** The words of the answer, without the names of who said them. */
function answered(output: unknown): string {
  const texts = turns(output)
    ?.flatMap((turn) => turn.parts)
    .flatMap((part) => (part.kind === "text" && !part.thought ? [part.text] : []));
  return texts ? texts.join("\n") : plain(output);
}
