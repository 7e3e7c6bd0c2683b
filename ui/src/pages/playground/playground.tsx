import { useState } from "react";
import { project } from "@/api/client";
import { useListed } from "@/api/models";
import { added, changedColumn } from "@/kit/board";
import { count, money } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { encoded } from "@/kit/link";
import { patched } from "@/kit/state";
import type { Told } from "@/kit/streamed";
import { read } from "@/kit/values";
import { Button } from "@/parts/button";
import { Copy } from "@/parts/copy";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { Answered } from "./answered";
import { Asking } from "./asking";
import { History, usePast } from "./history";
import { Inputs } from "./inputs";
import { OverDataset } from "./over-dataset";
import { useReady } from "./ready";
import { Replayed } from "./replayed";
import { savedAs } from "./save";
import { useBoard } from "./use-board";
import { useRun } from "./use-run";
import "./playground.css";

export default function Playground() {
  const listed = useListed();
  const models = listed.data ?? null;
  const { board, setBoard, begun, error, again } = useBoard(models);
  const unlisted = models ? null : listed.error;
  const wrong = error ?? unlisted;
  if (wrong)
    return (
      <Frame title="Playground">
        <Failure error={wrong} again={error ? again : () => void listed.refetch()} />
      </Frame>
    );
  if (!board) return <Frame title="Playground">{null}</Frame>;
  return <Board board={board} onChange={setBoard} models={models ?? []} begun={begun} />;
}

type Held = ReturnType<typeof useBoard>;

function Board(props: {
  board: NonNullable<Held["board"]>;
  onChange: Held["setBoard"];
  models: readonly string[];
  begun: Held["begun"];
}) {
  const { board, onChange, models } = props;
  const [past, remember] = usePast();
  const run = useRun((answers) => remember({ at_ms: Date.now(), board, answers }));
  const [opened, setOpened] = useState<"past" | "dataset" | null>(null);
  const { wanted, stored } = useReady(board);
  const given = read(wanted, board.values);
  const ask = (only?: string) => run.start(board, given.values, only);
  useKeys([
    { keys: "ctrl+enter", does: "ask every column", always: true, run: () => ask() },
    { keys: "ctrl+.", does: "stop every column", always: true, run: () => run.stop() },
    { keys: "a", does: "add a column", run: () => onChange(added(board)) },
    { keys: "h", does: "show what was asked before", run: () => setOpened("past") },
  ]);
  return (
    <Frame
      title="Playground"
      note={<Came told={run.told} />}
      actions={
        <>
          <Button onClick={() => onChange(added(board))}>
            Add a column <kbd>a</kbd>
          </Button>
          <Button onClick={() => setOpened("dataset")}>Run on a dataset</Button>
          <Button onClick={() => setOpened("past")}>
            History <kbd>h</kbd>
          </Button>
          <Copy text={() => link(board)} label="Copy the link" />
          {run.on ? (
            <Button kind="main" onClick={() => run.stop()}>
              Stop <kbd>Ctrl .</kbd>
            </Button>
          ) : (
            <Button kind="main" onClick={() => ask()}>
              Ask <kbd>Ctrl Enter</kbd>
            </Button>
          )}
        </>
      }
    >
      {props.begun && <Replayed recorded={props.begun} models={models} />}
      <div className="playground-board" style={{ "--columns": board.columns.length } as object}>
        {board.columns.map((column) => (
          <Asking
            key={column.id}
            board={board}
            column={column}
            models={models}
            stored={stored}
            given={given}
            onChange={onChange}
          />
        ))}
        <Inputs board={board} wanted={wanted} wrong={given.wrong} onChange={onChange} />
        {board.columns.map((column) => (
          <Answered
            key={column.id}
            column={column}
            answer={run.told.answers[column.id] ?? null}
            wrong={run.wrong[column.id] ?? []}
            isBusy={run.on}
            given={given.values}
            turns={board.turns}
            onAsk={() => ask(column.id)}
            onStop={() => run.stop(column.id)}
            onSaved={(ref) => onChange(changedColumn(board, column.id, savedAs(ref)))}
          />
        ))}
      </div>
      {opened === "past" && (
        <History
          past={past}
          onChoose={(one) => {
            onChange(one.board);
            run.show(one.answers);
            setOpened(null);
          }}
          onForget={() => remember(null)}
          onClose={() => setOpened(null)}
        />
      )}
      {opened === "dataset" && (
        <OverDataset board={board} given={given.values} onClose={() => setOpened(null)} />
      )}
    </Frame>
  );
}

/** What the columns came to together. */
function Came({ told }: { told: Told }) {
  const answers = Object.values(told.answers);
  if (answers.length === 0) return null;
  const ended = (state: string) => answers.filter((one) => one.state === state).length;
  const failed = ended("failed");
  const { total } = told;
  return (
    <span role="status">
      {count(ended("finished"))} of {count(answers.length)} answered
      {failed > 0 && `, ${count(failed)} failed`}
      {total && `, ${money(total.cost_usd)}`}
      {total && total.unpriced > 0 && `, ${count(total.unpriced)} unpriced`}
    </span>
  );
}

function link(board: NonNullable<Held["board"]>): string {
  const url = new URL(location.href);
  url.search = patched("", { project: project.get() });
  url.hash = encoded(board);
  return url.href;
}
