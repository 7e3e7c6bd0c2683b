/** An editor of messages: a role and a text each. */
import { useRef } from "react";
import { type Line, ROLES } from "@/kit/board";
import { count } from "@/kit/format";
import { head, visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Grow } from "@/parts/grow";
import { Text } from "@/parts/text";

const MOST_CHARS = 200_000;
const SHOWN_CHARS = 2_000;

const PLACEHOLDERS: Record<string, string> = {
  system: "What the model is told to do",
  developer: "What the model is told to do",
  user: "What is asked",
  assistant: "What was answered",
};

export function Lines(props: {
  label: string;
  lines: readonly Line[];
  /** Of a message that is added. */
  role: string;
  onChange: (lines: readonly Line[]) => void;
}) {
  const { lines, onChange } = props;
  const place = useRef<HTMLDivElement>(null);
  const add = () => {
    onChange([...lines, { role: props.role, text: "", isJson: false }]);
    requestAnimationFrame(() =>
      [...(place.current?.querySelectorAll("textarea") ?? [])].at(-1)?.focus(),
    );
  };
  const change = (at: number, what: Partial<Line>) =>
    onChange(lines.map((one, index) => (index === at ? { ...one, ...what } : one)));
  return (
    <div ref={place} className="playground-lines" role="group" aria-label={props.label}>
      {lines.map((line, index) => (
        <div key={index} className="playground-line">
          <div className="spread">
            {line.isJson ? (
              <span className="soft">{visible(line.role)}, as JSON</span>
            ) : (
              <RoleChoice
                role={line.role}
                label={`Role of message ${index + 1}`}
                onChange={(role) => change(index, { role })}
              />
            )}
            <Button
              kind="quiet"
              aria-label={`Remove message ${index + 1}`}
              onClick={() => onChange(lines.filter((_, at) => at !== index))}
            >
              ✕
            </Button>
          </div>
          {line.text.length <= MOST_CHARS ? (
            <Grow
              aria-label={`Text of message ${index + 1}`}
              rows={2}
              placeholder={PLACEHOLDERS[line.role]}
              value={line.text}
              onChange={(text) => change(index, { text })}
            />
          ) : (
            <TooLong line={line} />
          )}
        </div>
      ))}
      <Button kind="quiet" className="playground-add" onClick={add}>
        + Add a message
      </Button>
    </div>
  );
}

/** Sent as it is; a field for millions of characters would take the page down. */
function TooLong({ line }: { line: Line }) {
  return (
    <div className="playground-stored">
      <Text text={head(line.text, SHOWN_CHARS)} />
      <p className="soft">
        {count(line.text.length)} characters: sent whole, and too long to be edited here.
      </p>
    </div>
  );
}

function RoleChoice(props: { role: string; label: string; onChange: (role: string) => void }) {
  const roles: readonly string[] = ROLES;
  return (
    <select
      className="playground-role"
      aria-label={props.label}
      value={props.role}
      onChange={(event) => props.onChange(event.target.value)}
    >
      {!roles.includes(props.role) && <option>{props.role}</option>}
      {roles.map((one) => (
        <option key={one}>{one}</option>
      ))}
    </select>
  );
}
