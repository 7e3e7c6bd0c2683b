/** Which column of a file becomes which field of a row. */
import type { Schemas } from "@/api/client";
import { visible } from "@/kit/visible";
import { Field } from "@/parts/field";

const FIELDS = {
  input: "Input",
  expected: "Expected",
  context: "Context",
  cluster: "Cluster",
  split: "Split",
  tags: "Tags",
  example_id: "Id of the row",
};

export function Mapping(props: {
  seen: Schemas["FilePreview"];
  /** What was chosen here; the rest goes by the names of the columns. */
  chosen: Readonly<Record<string, string>>;
  onChange: (columns: Record<string, string>) => void;
  mixed: boolean;
  onMixed: (mixed: boolean) => void;
  /** Null where cells have none between them. */
  delimiter: string | null;
  onDelimiter: (delimiter: string) => void;
}) {
  const { seen } = props;
  const now: Record<string, string> = { ...seen.fields, ...props.chosen };
  const choose = (field: string, column: string) => {
    const { [field]: _, ...others } = props.chosen;
    props.onChange(column ? { ...others, [field]: column } : others);
  };
  return (
    <fieldset className="datasets-mapping">
      <legend>Columns become fields</legend>
      {Object.entries(FIELDS).map(([field, title]) => (
        <Field key={field} label={title} small>
          <select
            className="input"
            value={now[field] ?? ""}
            onChange={(event) => choose(field, event.target.value)}
          >
            <option value="">{field === "input" ? "choose a column" : "none"}</option>
            {seen.columns.map((column) => (
              <option key={column} value={column}>
                {visible(column).slice(0, 60)}
              </option>
            ))}
          </select>
        </Field>
      ))}
      {props.delimiter !== null && (
        <Field label="Between cells" small>
          <select
            className="input"
            value={props.delimiter}
            onChange={(event) => props.onDelimiter(event.target.value)}
          >
            <option value="">as usual</option>
            <option value=";">semicolon</option>
            <option value="|">bar</option>
            <option value={"\t"}>tab</option>
          </select>
        </Field>
      )}
      <label className="row datasets-mixed">
        <input
          type="checkbox"
          checked={props.mixed}
          onChange={(event) => props.onMixed(event.target.checked)}
        />
        Inputs may be of several types
      </label>
      {(seen.metadata ?? []).length > 0 && (
        <p className="soft datasets-rest">
          Kept in the metadata of a row: {visible((seen.metadata ?? []).join(", "))}.
        </p>
      )}
    </fieldset>
  );
}
