/** What can be done with a release. Each is asked once, with the reason that goes on record. */
import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { useKeys } from "@/kit/keys";
import { type Move, moves } from "@/kit/releases";
import { Button } from "@/parts/button";
import { Confirm } from "@/parts/dialog";
import { failed } from "@/parts/messages";
import { Approve, named, RollBack, Withdraw } from "./asked";
import { CanaryDialog } from "./canary-dialog";
import { moved } from "./moved";
import { Promote } from "./promote";

type Release = Schemas["Release"];

const NAMES: Record<Move, [string, string, string]> = {
  promote: ["Promote", "p", "promote the release"],
  canary: ["Canary", "c", "try the release on a share of the calls"],
  approve: ["Approve", "a", "approve of the release"],
  end_canary: ["End the canary", "e", "end the canary"],
  rollback: ["Roll back", "b", "roll the release back"],
  withdraw: ["Withdraw", "w", "withdraw the release from an environment"],
};

export function Moves({ release }: { release: Release }) {
  const [open, setOpen] = useState<Move | null>(null);
  const can = moves(release);
  useKeys(
    can.map((move) => ({ keys: NAMES[move][1], does: NAMES[move][2], run: () => setOpen(move) })),
  );
  const close = () => setOpen(null);
  return (
    <div className="row" role="group" aria-label={`What can be done with ${named(release)}`}>
      {can.length > 0 && <strong className="releases-which cut">{named(release)}</strong>}
      {can.map((move) => (
        <Button
          key={move}
          kind={move === "promote" && release.state !== "live" ? "main" : "plain"}
          onClick={() => setOpen(move)}
        >
          {move === "canary" && release.state === "canary" ? "Change the share" : NAMES[move][0]}{" "}
          <kbd>{NAMES[move][1]}</kbd>
        </Button>
      ))}
      {open === "promote" && <Promote release={release} onClose={close} />}
      {open === "canary" && <CanaryDialog release={release} onClose={close} />}
      {open === "approve" && <Approve release={release} onClose={close} />}
      {open === "rollback" && <RollBack release={release} onClose={close} />}
      {open === "withdraw" && <Withdraw release={release} onClose={close} />}
      {open === "end_canary" && (
        <Confirm
          title={`End the canary of ${named(release)}?`}
          does="End it"
          onYes={() => void endCanary(release)}
          onClose={close}
        >
          It is a candidate again, and its share is answered by what answers the rest.
        </Confirm>
      )}
    </div>
  );
}

async function endCanary(release: Release): Promise<void> {
  const ref = release.release_id;
  const { share, segment, watch } = release;
  try {
    await api.delete("/api/v1/releases/{ref}/canary", { path: { ref } });
    const again = async () => {
      const body = { share: share ?? 0.05, segment, watch, reason: "its end was taken back" };
      try {
        await api.post("/api/v1/releases/{ref}/canary", { path: { ref }, body });
        moved("It is a canary again");
      } catch (error) {
        failed(error);
      }
    };
    moved(`${release.route}@${release.version} is no canary any more`, () => void again());
  } catch (error) {
    failed(error);
  }
}
