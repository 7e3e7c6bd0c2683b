/** A column as the next version of a prompt. */
import { useState } from "react";
import { api } from "@/api/client";
import { changed } from "@/api/query";
import { type Column, type Line, ready } from "@/kit/board";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Failure } from "@/parts/failure";
import { Field } from "@/parts/field";
import { done } from "@/parts/messages";
import { sending } from "./sending";

/** What a column is once it was saved: the stored version, and no settings over it. */
export function savedAs(ref: string): Partial<Column> {
  return { prompt: ref, words: [], declared: [], parameters: "", tools: "", schema: "" };
}

export function Save(props: {
  column: Column;
  turns: readonly Line[];
  given: Record<string, unknown>;
  onSaved: (ref: string) => void;
  onClose: () => void;
}) {
  const { column, turns, onClose } = props;
  const [name, setName] = useState(column.prompt.split("@")[0] ?? "");
  const [note, setNote] = useState("");
  const [isWhole, setWhole] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const { sent, wrong } = ready(
    column.model ? column : { ...column, model: "none" },
    turns,
    props.given,
  );
  const save = async (event: React.FormEvent) => {
    event.preventDefault();
    if (!sent) return;
    try {
      const [body] = sending([sent]);
      const prompt = await api.post("/api/v1/playground/save", {
        body: { column: body ?? {}, name, note, with_messages: isWhole },
      });
      changed("prompts");
      done(`Saved as ${visible(prompt.name)}@${prompt.version}`);
      if (!isWhole || turns.every((one) => one.text.trim() === ""))
        props.onSaved(`${prompt.name}@${prompt.version}`);
      onClose();
    } catch (failure) {
      setError(failure as Error);
    }
  };
  return (
    <Dialog title={`Save column ${visible(column.id)} as a version`} onClose={onClose}>
      <form className="stack" onSubmit={(event) => void save(event)}>
        <Field label="Name of the prompt" hint="A name that is there gets its next version.">
          <input
            className="input"
            required
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </Field>
        <Field label="Note" hint="What is new in it.">
          <input className="input" value={note} onChange={(event) => setNote(event.target.value)} />
        </Field>
        <label className="row">
          <input
            type="checkbox"
            checked={isWhole}
            onChange={(event) => setWhole(event.target.checked)}
          />
          The conversation belongs to it
        </label>
        {wrong.map((one) => (
          <p key={one} className="playground-wrong">
            {one}
          </p>
        ))}
        {error && <Failure error={error} />}
        <div>
          <Button kind="main" type="submit" disabled={!sent || name.trim() === ""}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
