/** What all columns are given: values of their variables, and the conversation after their words. */
import type { Board } from "@/kit/board";
import type { Wanted } from "@/kit/values";
import { Variables } from "@/parts/variables";
import { Lines } from "./lines";

export function Inputs(props: {
  board: Board;
  wanted: readonly Wanted[];
  wrong: Readonly<Record<string, string>>;
  onChange: (board: Board) => void;
}) {
  const { board, wanted, onChange } = props;
  return (
    <section className="playground-inputs" aria-label="What every column is given">
      {wanted.length > 0 && (
        <div className="grow">
          <h2>Variables</h2>
          <Variables
            wanted={wanted}
            values={board.values}
            wrong={props.wrong}
            onChange={(values) => onChange({ ...board, values })}
          />
        </div>
      )}
      <div className="grow">
        <h2>
          Conversation{" "}
          <span className="soft">sent as it stands, after the words of each column</span>
        </h2>
        <Lines
          label="Conversation"
          lines={board.turns}
          role={board.turns.at(-1)?.role === "user" ? "assistant" : "user"}
          onChange={(turns) => onChange({ ...board, turns })}
        />
      </div>
    </section>
  );
}
