import { cloneElement, isValidElement, type ReactNode, useId } from "react";
import "./field.css";

/** A label above one control, with a hint and an error that readers hear with it. */
export function Field(props: {
  label: string;
  hint?: string | undefined;
  error?: string | null | undefined;
  small?: boolean;
  children: ReactNode;
}) {
  const id = useId();
  const says = props.error ?? props.hint;
  const control = isValidElement<Record<string, unknown>>(props.children)
    ? cloneElement(props.children, {
        id,
        "aria-describedby": says ? `${id}-says` : undefined,
        "aria-invalid": props.error ? true : undefined,
      })
    : props.children;
  return (
    <div className={props.small ? "field small" : "field"}>
      <label htmlFor={id}>{props.label}</label>
      {control}
      {says && (
        <span id={`${id}-says`} className={props.error ? "wrong" : "soft"}>
          {says}
        </span>
      )}
    </div>
  );
}
