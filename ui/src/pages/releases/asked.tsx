/** Moves that need a reason, and perhaps an environment. */
import { type ReactNode, useState } from "react";
import { api, type Schemas } from "@/api/client";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Failure } from "@/parts/failure";
import { Field } from "@/parts/field";
import { moved } from "./moved";

type Release = Schemas["Release"];
interface Props {
  release: Release;
  onClose: () => void;
}

/** A dialog that ends when the server has done what is asked, and says what it refused. */
export function Asked(props: {
  title: string;
  does: string;
  said: string;
  ready: boolean;
  danger?: boolean;
  wide?: boolean;
  send: () => Promise<unknown>;
  onClose: () => void;
  children: ReactNode;
}) {
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  const send = async (event: React.FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await props.send();
      moved(props.said);
      props.onClose();
    } catch (wrong) {
      setError(wrong as Error);
      setBusy(false);
    }
  };
  return (
    <Dialog title={props.title} onClose={props.onClose} wide={props.wide ?? false}>
      <form className="stack" onSubmit={send}>
        {props.children}
        {error && <Failure error={error} />}
        <div className="row">
          <Button
            kind={props.danger ? "danger" : "main"}
            type="submit"
            disabled={!props.ready || busy}
          >
            {props.does}
          </Button>
          <Button onClick={props.onClose}>Leave it</Button>
        </div>
      </form>
    </Dialog>
  );
}

export function Reason(props: {
  value: string;
  onChange: (reason: string) => void;
  hint?: string;
}) {
  return (
    <Field label="Reason" hint={props.hint ?? "It goes on record with your name."}>
      <input
        className="input"
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
      />
    </Field>
  );
}

export function Environment(props: {
  value: string;
  onChange: (name: string) => void;
  none: string;
}) {
  return (
    <Field label="Environment" hint={props.none}>
      <input
        className="input"
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
      />
    </Field>
  );
}

/** One of the environments that a release answers in, or none where `none` says what that is. */
function Placed(props: {
  release: Release;
  value: string;
  onChange: (name: string) => void;
  none?: string | undefined;
}) {
  return (
    <Field label="Where">
      <select
        className="input"
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
      >
        {props.none && <option value="">{props.none}</option>}
        {props.release.live_in.map((one) => (
          <option key={one} value={one}>
            in {visible(one)}
          </option>
        ))}
      </select>
    </Field>
  );
}

export const named = (release: Release) => visible(`${release.route}@${release.version}`);

export function Approve({ release, onClose }: Props) {
  const [reason, setReason] = useState("");
  const [environment, setEnvironment] = useState("");
  const ref = release.release_id;
  return (
    <Asked
      title={`Approve of ${named(release)}?`}
      does="Approve"
      said={`You approved of ${named(release)}`}
      ready={reason.trim() !== ""}
      onClose={onClose}
      send={() =>
        api.post("/api/v1/releases/{ref}/approve", {
          path: { ref },
          body: { reason, environment: environment.trim() || null },
        })
      }
    >
      <Reason value={reason} onChange={setReason} hint="What you looked at, for the record." />
      <Environment value={environment} onChange={setEnvironment} none="Empty counts everywhere." />
    </Asked>
  );
}

export function RollBack({ release, onClose }: Props) {
  const isAnswering = release.state === "live" || release.state === "canary";
  const [reason, setReason] = useState("");
  const [environment, setEnvironment] = useState(isAnswering ? "" : (release.live_in[0] ?? ""));
  const ref = release.release_id;
  return (
    <Asked
      title={`Roll ${named(release)} back?`}
      does="Roll it back"
      said={`${named(release)} was rolled back`}
      ready={reason.trim() !== ""}
      danger
      onClose={onClose}
      send={() =>
        api.post("/api/v1/releases/{ref}/rollback", {
          path: { ref },
          body: { reason, environment: environment || null },
        })
      }
    >
      <p>What answered before it answers again, at once. It needs no verdict and no approval.</p>
      {release.live_in.length > 0 && (
        <Placed
          release={release}
          value={environment}
          onChange={setEnvironment}
          none={isAnswering ? "everywhere else" : undefined}
        />
      )}
      <Reason value={reason} onChange={setReason} />
    </Asked>
  );
}

export function Withdraw({ release, onClose }: Props) {
  const [reason, setReason] = useState("");
  const [environment, setEnvironment] = useState(release.live_in[0] ?? "");
  const ref = release.release_id;
  return (
    <Asked
      title={`Withdraw ${named(release)}?`}
      does="Withdraw it"
      said={`${named(release)} does not answer in ${visible(environment)} any more`}
      ready={environment !== ""}
      danger
      onClose={onClose}
      send={() =>
        api.post("/api/v1/releases/{ref}/withdraw", {
          path: { ref },
          body: { environment, reason: reason.trim() || null },
        })
      }
    >
      <p>Calls of the environment are answered by what is live.</p>
      <Placed release={release} value={environment} onChange={setEnvironment} />
      <Reason value={reason} onChange={setReason} />
    </Asked>
  );
}
