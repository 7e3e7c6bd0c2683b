import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { visible } from "@/kit/visible";
import { Field } from "@/parts/field";

/** Words that are written here, or a stored prompt by version or label. */
export function PromptChoice(props: { prompt: string; onChange: (prompt: string) => void }) {
  const { data } = useAnswer(["prompts", "entries", ""], (signal) =>
    api.get("/api/v1/prompt-entries", { query: { archived: "false" }, signal }),
  );
  const refs = (data?.data ?? []).flatMap((one) => [
    one.name,
    ...Object.keys(one.labels).map((label) => `${one.name}@${label}`),
  ]);
  return (
    <Field label="Prompt" small>
      <select
        className="input"
        value={props.prompt}
        onChange={(event) => props.onChange(event.target.value)}
      >
        <option value="">written here</option>
        {props.prompt && !refs.includes(props.prompt) && (
          <option value={props.prompt}>{visible(props.prompt)}</option>
        )}
        {refs.map((one) => (
          <option key={one} value={one}>
            {visible(one)}
          </option>
        ))}
      </select>
    </Field>
  );
}
