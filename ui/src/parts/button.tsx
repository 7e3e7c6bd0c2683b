import type { ButtonHTMLAttributes } from "react";
import "./button.css";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** The one thing a page is for is "main"; what cannot be undone is "danger". */
  kind?: "main" | "plain" | "quiet" | "danger";
}

export function Button({ kind = "plain", type = "button", className = "", ...rest }: Props) {
  return <button type={type} className={`button ${kind} ${className}`} {...rest} />;
}
