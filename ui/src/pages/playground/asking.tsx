/** The upper half of a column: a model, words, and what goes with them. */
import { added, BLANK, type Board, type Column, changedColumn, lineOf, without } from "@/kit/board";
import type { Read } from "@/kit/values";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Field } from "@/parts/field";
import { Template } from "@/parts/template";
import { Estimate } from "./estimate";
import { Lines } from "./lines";
import { PromptChoice } from "./prompt-choice";
import type { Stored } from "./ready";
import { Settings } from "./settings";

interface Props {
  board: Board;
  column: Column;
  models: readonly string[];
  stored: Stored;
  given: Read;
  onChange: (board: Board) => void;
}

export function Asking(props: Props) {
  const { board, column, models, onChange } = props;
  const change = (what: Partial<Column>) => onChange(changedColumn(board, column.id, what));
  const isListed = models.includes(column.model);
  return (
    <section className="playground-asking" aria-label={`Column ${visible(column.id)}`}>
      <header className="playground-head">
        <h2>{visible(column.id)}</h2>
        <span className="grow" />
        <Button kind="quiet" onClick={() => onChange(added(board, column))}>
          Duplicate
        </Button>
        {board.columns.length > 1 && (
          <Button kind="quiet" onClick={() => onChange(without(board, column.id))}>
            Remove
          </Button>
        )}
      </header>
      <div className="playground-choices">
        <Field label="Model or route" small>
          <select
            className="input"
            value={column.model}
            onChange={(event) => change({ model: event.target.value })}
          >
            {!isListed && (
              <option value={column.model}>
                {column.model ? `${visible(column.model)} (not listed)` : "Choose one"}
              </option>
            )}
            {models.map((one) => (
              <option key={one} value={one}>
                {visible(one)}
              </option>
            ))}
          </select>
        </Field>
        <PromptChoice
          prompt={column.prompt}
          onChange={(prompt) => change(prompt ? { prompt } : ownWords(props))}
        />
      </div>
      {column.prompt ? (
        <StoredWords {...props} onEdit={() => change(ownWords(props))} />
      ) : (
        <OwnWords column={column} onChange={change} />
      )}
      <Settings column={column} onChange={change} />
      <Estimate board={board} column={column} given={props.given} />
    </section>
  );
}

function OwnWords(props: { column: Column; onChange: (what: Partial<Column>) => void }) {
  const { column, onChange } = props;
  return (
    <>
      <Lines
        label={`Messages of column ${visible(column.id)}`}
        lines={column.words}
        role={column.words.length === 0 ? "system" : "user"}
        onChange={(words) => onChange({ words })}
      />
      <label className="row">
        <input
          type="checkbox"
          checked={column.isTemplate}
          onChange={(event) => onChange({ isTemplate: event.target.checked })}
        />
        <span>
          <span className="mono">{"{{ }}"}</span> are variables
        </span>
      </label>
    </>
  );
}

function StoredWords(props: Props & { onEdit: () => void }) {
  const { column, stored } = props;
  const prompt = stored.get(column.prompt);
  if (!prompt) return <p className="soft">{visible(column.prompt)} is not there yet.</p>;
  return (
    <>
      {prompt.messages.map((message, index) => {
        const line = lineOf(message);
        return (
          <article key={index} className="playground-stored">
            <h2>{visible(line.role)}</h2>
            <Template text={line.text} syntax={prompt.syntax} />
          </article>
        );
      })}
      <div className="row">
        <Button onClick={props.onEdit}>Edit the words</Button>
        <span className="soft">
          version {prompt.version}
          {prompt.shots && ", with its examples, which edited words do not have"}
        </span>
      </div>
    </>
  );
}

/** The words of the column's prompt as its own, to be edited. */
function ownWords({ column, stored }: Props): Partial<Column> {
  const prompt = stored.get(column.prompt);
  if (!prompt) return { prompt: "", words: column.words.length > 0 ? column.words : BLANK.words };
  const text = (value: unknown) => JSON.stringify(value, null, 2);
  const parameters = { ...prompt.parameters };
  return {
    prompt: "",
    words: prompt.messages.map(lineOf),
    isTemplate: true,
    syntax: prompt.syntax,
    declared: prompt.declared,
    parameters: column.parameters || (Object.keys(parameters).length > 0 ? text(parameters) : ""),
    tools: column.tools || (prompt.tools.length > 0 ? text(prompt.tools) : ""),
    schema: column.schema || (prompt.output_schema ? text(prompt.output_schema) : ""),
  };
}
