import { Long } from "./long";

const LINES = 6;

/** Why a span failed, folded; of a traceback its last line goes first, which is what went wrong. */
export function ErrorText({ text }: { text: string }) {
  const last = text.startsWith("Traceback ") ? text.trimEnd().split("\n").at(-1) : undefined;
  return (
    <div className="trace-error" role="note" aria-label="Error">
      {last && (
        <strong>
          <Long text={last} lines={LINES} />
        </strong>
      )}
      <Long text={text} lines={LINES} />
    </div>
  );
}
