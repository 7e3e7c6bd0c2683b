/** A share of the calls, of whom, and the figures that end it by themselves. */
import { useState } from "react";
import { api, type Draft, type Schemas } from "@/api/client";
import { listed } from "@/kit/gateway";
import { share as shareOf } from "@/kit/releases";
import { Field } from "@/parts/field";
import { Asked, named, Reason } from "./asked";

type Release = Schemas["Release"];
type Watched = Draft<Schemas["WatchedInput"]>;

interface Form {
  share: string;
  teams: string;
  users: string;
  environments: string;
  error: string;
  blocked: string;
  slow: string;
  score: string;
  reason: string;
}

export function CanaryDialog({ release, onClose }: { release: Release; onClose: () => void }) {
  const isNew = release.state !== "canary";
  const [form, setForm] = useState<Form>(() => begun(release));
  const share = shareOf(form.share);
  const set = (name: keyof Form) => (event: React.ChangeEvent<HTMLInputElement>) =>
    setForm({ ...form, [name]: event.target.value });
  const input = (name: keyof Form, placeholder = "") => (
    <input className="input" value={form[name]} placeholder={placeholder} onChange={set(name)} />
  );
  const send = () => {
    const figures = watchedOf(form);
    // a canary keeps what is left out; what nobody changed here is left out
    const body = {
      share: share ?? 0,
      reason: form.reason.trim() || null,
      ...(isNew ? { segment: segmentOf(form) } : {}),
      ...(isNew ? { watch: figures.length > 0 ? { figures } : null } : {}),
    };
    return api.post("/api/v1/releases/{ref}/canary", {
      path: { ref: release.release_id },
      body,
    });
  };
  return (
    <Asked
      title={
        isNew ? `Try ${named(release)} on some of the calls?` : `The share of ${named(release)}`
      }
      does={isNew ? "Begin" : "Change it"}
      said={`${named(release)} answers ${form.share}`}
      ready={share !== null}
      wide={isNew}
      onClose={onClose}
      send={send}
    >
      <Field
        label="Share"
        hint="Of the calls; one half at most, unless users or teams are named."
        error={share === null ? "Write a share, such as 5%." : null}
      >
        {input("share", "5%")}
      </Field>
      {isNew ? (
        <>
          <h3>Only of these</h3>
          <div className="releases-three">
            <Field label="Users">{input("users", "everybody")}</Field>
            <Field label="Teams">{input("teams", "every team")}</Field>
            <Field label="Environments">{input("environments", "every environment")}</Field>
          </div>
          <h3>Ends by itself when it is proved worse in</h3>
          <div className="releases-four">
            <Field label="Errors" hint="points it may be worse">
              {input("error", "not watched")}
            </Field>
            <Field label="Blocked" hint="points it may be worse">
              {input("blocked", "not watched")}
            </Field>
            <Field label="Slow calls" hint="over so many ms">
              {input("slow", "not watched")}
            </Field>
            <Field label="A score" hint="its name, from 0 to 1">
              {input("score", "not watched")}
            </Field>
          </div>
        </>
      ) : (
        <p className="soft">Whose calls it shares and what it is watched for stay as they are.</p>
      )}
      <Reason
        value={form.reason}
        onChange={(reason) => setForm({ ...form, reason })}
        hint="If there is one."
      />
    </Asked>
  );
}

function begun(release: Release): Form {
  const share = release.share === null ? "5%" : `${100 * release.share}%`;
  const none = { teams: "", users: "", environments: "", slow: "", score: "", reason: "" };
  return { ...none, share, error: "1", blocked: "1" };
}

function segmentOf(form: Form): Draft<Schemas["SegmentInput"]> | null {
  const segment = {
    users: listed(form.users) ?? [],
    teams: listed(form.teams) ?? [],
    environments: listed(form.environments) ?? [],
  };
  return Object.values(segment).some((one) => one.length > 0) ? segment : null;
}

/** Points become shares; a field without a number is not watched. */
function watchedOf(form: Form): Watched[] {
  const margin = (text: string) => Number(text.replace("%", "")) / 100;
  const found: Watched[] = [];
  for (const figure of ["error", "blocked"] as const)
    if (form[figure].trim()) found.push({ figure, margin: margin(form[figure]) });
  if (form.slow.trim()) found.push({ figure: "slow", limit: Number(form.slow), margin: 0.02 });
  if (form.score.trim()) found.push({ figure: "score", score: form.score.trim(), margin: 0.02 });
  return found;
}
