import { visible } from "@/kit/visible";
import { difference } from "@/kit/words";
import "./words.css";

/** Two texts as one: what went is struck through, what came is underlined, both have a ground. */
export function Words({ old, now }: { old: string; now: string }) {
  return (
    <div className="words text" dir="auto">
      {difference(old, now).map((part, index) => {
        const text = visible(part.text);
        if (part.side === "both") return <span key={index}>{text}</span>;
        return part.side === "old" ? <del key={index}>{text}</del> : <ins key={index}>{text}</ins>;
      })}
    </div>
  );
}
