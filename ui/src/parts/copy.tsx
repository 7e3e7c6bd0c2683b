import { useState } from "react";
import { Button } from "@/parts/button";
import "./copy.css";

/** Puts a text into the clipboard, and says so where it was pressed. */
export function Copy({ text, label = "Copy" }: { text: string | (() => string); label?: string }) {
  const [said, setSaid] = useState<string | null>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "string" ? text : text());
      setSaid("Copied");
    } catch {
      setSaid("The browser refused");
    }
    setTimeout(() => setSaid(null), 1_500);
  };
  return (
    <Button onClick={copy}>
      <span aria-live="polite">{said ?? label}</span>
    </Button>
  );
}

/** Code to be taken along: a command or a few lines. */
export function Snippet({ code, label }: { code: string; label: string }) {
  return (
    <figure className="snippet">
      <figcaption className="spread">
        <span className="soft">{label}</span>
        <Copy text={code} />
      </figcaption>
      <pre>{code}</pre>
    </figure>
  );
}
