import { type Ref, type TextareaHTMLAttributes, useImperativeHandle, useRef } from "react";
import "./grow.css";

const MOST_ROWS = 24;
const LINE_PX = 18;

interface Props extends Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, "onChange" | "value"> {
  value: string;
  onChange: (value: string) => void;
  rows?: number;
  ref?: Ref<HTMLTextAreaElement>;
}

/** A field for text that is as high as its text, up to a bound. */
export function Grow({ value, onChange, rows = 1, className = "", ref, ...rest }: Props) {
  const own = useRef<HTMLTextAreaElement>(null);
  useImperativeHandle(ref, () => own.current as HTMLTextAreaElement);
  const lines = value.length > 20_000 ? MOST_ROWS : value.split("\n").length;
  const least = Math.max(rows, 1);
  return (
    <textarea
      ref={own}
      className={`input grow-text ${className}`}
      spellCheck={false}
      // a browser that cannot fit a field to its text goes by its lines
      rows={Math.max(least, Math.min(lines, MOST_ROWS))}
      style={{ minHeight: least * LINE_PX + 8 }}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      {...rest}
    />
  );
}
