/** What should be mended in a version. */
import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { visible } from "@/kit/visible";
import type { Tone } from "@/parts/badge";
import { Badge } from "@/parts/badge";
import { Failure } from "@/parts/failure";
import { refOf, type Version } from "./version";

const TONES: Record<string, Tone> = { error: "error", warning: "warn", hint: "soft" };

export function Findings({ version }: { version: Version }) {
  const ref = refOf(version);
  const { data, error, refetch, isPlaceholderData } = useAnswer(
    ["prompts", "lint", ref],
    (signal) => api.get("/api/v1/prompts/{ref}/lint", { path: { ref }, signal }),
  );
  return (
    <section aria-busy={isPlaceholderData}>
      <h2>To mend</h2>
      {error && <Failure error={error} again={() => void refetch()} />}
      {data?.data.length === 0 && !isPlaceholderData && (
        <p>
          <span className="status ok">✓ Nothing found.</span>{" "}
          <span className="soft">Whether it is good, an evaluation says.</span>
        </p>
      )}
      {data && !isPlaceholderData && data.data.length > 0 && (
        <ul className="prompt-findings">
          {data.data.map((one) => (
            <li key={`${one.code} ${one.where} ${one.message}`}>
              <Badge tone={TONES[one.severity] ?? "soft"}>{one.severity}</Badge>{" "}
              <span className="soft">{visible(one.where)}:</span> {visible(one.message)}
              <p className="soft">To do: {visible(one.fix)}</p>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
