/** A form for the values of variables, each as its prompt declares it. */
import type { Wanted } from "@/kit/values";
import { visible } from "@/kit/visible";
import { Field } from "@/parts/field";
import { Grow } from "@/parts/grow";
import "./variables.css";

export function Variables(props: {
  wanted: readonly Wanted[];
  values: Readonly<Record<string, string>>;
  /** What cannot be read, by variable. */
  wrong: Readonly<Record<string, string>>;
  onChange: (values: Record<string, string>) => void;
}) {
  const { wanted, values, wrong } = props;
  return (
    <div className="variables">
      {wanted.map((one) => {
        const set = (value: string) => props.onChange({ ...values, [one.name]: value });
        const value = values[one.name] ?? "";
        const name = visible(one.name);
        const label = one.type && one.type !== "string" ? `${name}, ${one.type}` : name;
        return (
          <Field
            key={one.name}
            label={one.required ? label : `${label}, may be empty`}
            hint={visible(one.description) || undefined}
            error={wrong[one.name]}
            small
          >
            <Control wanted={one} value={value} onChange={set} />
          </Field>
        );
      })}
    </div>
  );
}

function Control(props: {
  wanted: Wanted;
  value: string;
  onChange: (value: string) => void;
  id?: string;
}) {
  const { wanted, value, onChange, ...rest } = props;
  const placeholder = wanted.fallback && visible(`else ${wanted.fallback}`);
  if (wanted.type === "boolean")
    return (
      <select
        className="input"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        {...rest}
      >
        <option value="">{wanted.fallback ? placeholder : "not set"}</option>
        <option>true</option>
        <option>false</option>
      </select>
    );
  if (wanted.type === "number" || wanted.type === "integer")
    return (
      <input
        className="input"
        inputMode="decimal"
        value={value}
        placeholder={placeholder}
        onChange={(event) => onChange(event.target.value)}
        {...rest}
      />
    );
  return <Grow value={value} onChange={onChange} placeholder={placeholder} {...rest} />;
}
