/** Parameters, tools and the schema of a column; the usual ones have fields of their own. */
import { type Column, withMember } from "@/kit/board";
import { isObject, json, written } from "@/kit/values";
import { Field } from "@/parts/field";
import { Grow } from "@/parts/grow";

const USUAL = [
  ["temperature", "Temperature"],
  ["top_p", "Top p"],
  ["max_completion_tokens", "Most tokens"],
] as const;

export function Settings(props: { column: Column; onChange: (what: Partial<Column>) => void }) {
  const { column, onChange } = props;
  const parameters = column.parameters.trim() === "" ? {} : json(column.parameters);
  const known = isObject(parameters) ? parameters : null;
  const set = (name: string, text: string) => {
    const value = text.trim() === "" ? "" : Number(text);
    if (Number.isNaN(value)) return;
    onChange({ parameters: withMember(column.parameters, name, value) });
  };
  return (
    <details className="playground-settings">
      <summary>
        Parameters and tools <span className="soft">{setOf(column, known)}</span>
      </summary>
      <div className="playground-usual">
        {USUAL.map(([name, label]) => (
          <Field key={name} label={label} small>
            <input
              className="input"
              type="number"
              step="any"
              min="0"
              disabled={known === null}
              value={written(known?.[name])}
              onChange={(event) => set(name, event.target.value)}
            />
          </Field>
        ))}
      </div>
      <Field
        label="All parameters, as JSON"
        small
        error={known === null ? "This is no JSON object." : null}
      >
        <Grow
          rows={2}
          value={column.parameters}
          placeholder={'{"seed": 7}'}
          onChange={(text) => onChange({ parameters: text })}
        />
      </Field>
      <Field label="Tools, as a JSON list" small error={wrong(column.tools, Array.isArray)}>
        <Grow
          rows={2}
          value={column.tools}
          placeholder={'[{"type": "function", "function": {"name": "look_up"}}]'}
          onChange={(tools) => onChange({ tools })}
        />
      </Field>
      <Field label="Schema of the answer, as JSON" small error={wrong(column.schema, isObject)}>
        <Grow
          rows={2}
          value={column.schema}
          placeholder={'{"type": "object", "properties": {}}'}
          onChange={(schema) => onChange({ schema })}
        />
      </Field>
    </details>
  );
}

function wrong(text: string, fits: (value: unknown) => boolean): string | null {
  return text.trim() === "" || fits(json(text)) ? null : "This is not what it must be.";
}

/** What is set, in a few words. */
function setOf(column: Column, parameters: Record<string, unknown> | null): string {
  const pairs = Object.entries(parameters ?? {}).map(
    ([name, value]) => `${name} ${written(value)}`,
  );
  const tools = json(column.tools);
  if (Array.isArray(tools)) pairs.push(`${tools.length} ${tools.length === 1 ? "tool" : "tools"}`);
  if (column.schema.trim()) pairs.push("a schema");
  const text = pairs.join(", ");
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
