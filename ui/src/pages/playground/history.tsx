/** What was asked before in this browser. */
import { useCallback, useState } from "react";
import { messageOf } from "@/kit/board";
import { keep, kept } from "@/kit/kept";
import { type Past, pastOf, remembered } from "@/kit/past";
import { plain as words } from "@/kit/turns";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";

const KEPT = "playground.past";

/** The list, and one more of it, or null to forget all. */
export function usePast(): [readonly Past[], (one: Past | null) => void] {
  const [past, setPast] = useState<readonly Past[]>(() => pastOf(kept(KEPT)));
  const remember = useCallback((one: Past | null) => {
    // another tab may have asked in the meantime
    const next = one ? remembered(pastOf(kept(KEPT)), one) : [];
    keep(KEPT, one ? JSON.stringify(next) : null);
    setPast(next);
  }, []);
  return [past, remember];
}

export function History(props: {
  past: readonly Past[];
  onChoose: (one: Past) => void;
  onForget: () => void;
  onClose: () => void;
}) {
  return (
    <Dialog title="Asked before, kept in this browser" wide onClose={props.onClose}>
      {props.past.length === 0 && <p className="soft">Nothing yet.</p>}
      <ol className="playground-past">
        {props.past.map((one) => (
          <li key={one.at_ms}>
            <button type="button" onClick={() => props.onChoose(one)}>
              <span className="soft">
                <When ns={one.at_ms * 1e6} />
              </span>
              <span className="cut">
                <Line text={asked(one)} />
              </span>
              <span className="cut soft">
                <Line text={models(one)} />
              </span>
            </button>
          </li>
        ))}
      </ol>
      {props.past.length > 0 && (
        <div>
          <Button onClick={props.onForget}>Forget all of it</Button>
        </div>
      )}
    </Dialog>
  );
}

/** Each model once. */
function models({ board }: Past): string {
  return [...new Set(board.columns.map((column) => column.model))].join(", ");
}

/** The last thing that was asked, or the first words of the first column. */
function asked({ board }: Past): string {
  const turn = board.turns.findLast((one) => one.text.trim() !== "");
  const [column] = board.columns;
  const line = turn ?? column?.words.findLast((one) => one.text.trim() !== "");
  if (!line) return column?.prompt ?? "";
  const message = messageOf(line);
  return message ? words([message]).replace(/^\w+:\n/, "") : line.text;
}
