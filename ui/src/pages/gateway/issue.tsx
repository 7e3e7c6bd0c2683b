import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { changed } from "@/api/query";
import { listed } from "@/kit/gateway";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Failure } from "@/parts/failure";
import { Field } from "@/parts/field";

export function IssueKey(props: {
  onIssued: (issued: Schemas["IssuedKey"]) => void;
  onClose: () => void;
}) {
  const [asked, setAsked] = useState({ name: "", team: "", user: "", models: "", ends: "" });
  const [permissions, setPermissions] = useState("gateway:call");
  const [error, setError] = useState<Error | null>(null);
  const set = (name: keyof typeof asked) => (event: React.ChangeEvent<HTMLInputElement>) =>
    setAsked({ ...asked, [name]: event.target.value });
  const issue = async (event: React.FormEvent) => {
    event.preventDefault();
    try {
      const issued = await api.post("/api/v1/keys", {
        body: {
          name: asked.name.trim(),
          team: asked.team.trim() || null,
          user: asked.user.trim() || null,
          models: listed(asked.models),
          permissions: listed(permissions) ?? [],
          expires_ns: asked.ends ? Date.parse(`${asked.ends}T00:00:00`) * 1e6 : null,
        },
      });
      changed("keys");
      props.onIssued(issued);
      props.onClose();
    } catch (wrong) {
      setError(wrong as Error);
    }
  };
  return (
    <Dialog title="Issue a key" onClose={props.onClose}>
      <form className="stack" onSubmit={issue}>
        <Field label="Name" hint="Of the application or the person that asks with it.">
          <input className="input" required value={asked.name} onChange={set("name")} />
        </Field>
        <div className="gateway-two">
          <Field label="Team" hint="Its budget counts too.">
            <input className="input" value={asked.team} onChange={set("team")} />
          </Field>
          <Field label="User" hint="And the user's.">
            <input className="input" value={asked.user} onChange={set("user")} />
          </Field>
        </div>
        <Field
          label="May ask for"
          hint="Models, patterns or routes: openai/*, docs. Empty is everything."
        >
          <input className="input" value={asked.models} onChange={set("models")} />
        </Field>
        <div className="gateway-two">
          <Field label="May" hint="Permissions, with commas.">
            <input
              className="input"
              value={permissions}
              onChange={(event) => setPermissions(event.target.value)}
            />
          </Field>
          <Field label="Ends" hint="Empty is never.">
            <input className="input" type="date" value={asked.ends} onChange={set("ends")} />
          </Field>
        </div>
        {error && <Failure error={error} />}
        <div className="row">
          <Button kind="main" type="submit" disabled={!asked.name.trim()}>
            Issue it
          </Button>
          <span className="soft">The secret is shown once, on the next page.</span>
        </div>
      </form>
    </Dialog>
  );
}
