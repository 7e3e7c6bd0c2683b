/** One key: its secret while it is new, what it may do, and how it is changed. */
import { useEffect, useRef, useState } from "react";
import { api, type Schemas } from "@/api/client";
import { changed } from "@/api/query";
import { moment } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Copy, Snippet } from "@/parts/copy";
import { Confirm } from "@/parts/dialog";
import { done, failed } from "@/parts/messages";
import { Facts, Pane } from "@/parts/pane";
import { Budget } from "./budget";
import { KeyState } from "./key-state";

type Key = Schemas["KeyView"];

export function KeyPane(props: {
  held: Key;
  secret: string | null;
  onIssued: (issued: Schemas["IssuedKey"]) => void;
  onTaken: () => void;
  onClose: () => void;
}) {
  const { held } = props;
  const [rotating, setRotating] = useState(false);
  const rotate = async () => {
    try {
      props.onIssued(
        await api.post("/api/v1/keys/{ref}/rotate", { path: { ref: held.key_id }, body: {} }),
      );
      changed("keys");
    } catch (error) {
      failed(error);
    }
  };
  useKeys([
    { keys: "r", does: "give the key a new secret", run: () => setRotating(true) },
    {
      keys: "d",
      does: held.disabled ? "accept the key again" : "disable the key",
      run: () => void disable(held, !held.disabled),
    },
  ]);
  return (
    <Pane
      title={visible(held.name)}
      note={<KeyState held={held} />}
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={() => setRotating(true)}>
            Rotate <kbd>r</kbd>
          </Button>
          <Button onClick={() => void disable(held, !held.disabled)}>
            {held.disabled ? "Accept again" : "Disable"} <kbd>d</kbd>
          </Button>
        </>
      }
    >
      {props.secret && <Secret secret={props.secret} onTaken={props.onTaken} />}
      <Facts
        facts={[
          ["Secret", `tt-…${visible(held.hint)}`],
          ["Team", held.team && visible(held.team)],
          ["User", held.user && visible(held.user)],
          ["May", visible(held.permissions.join(", "))],
          ["May ask for", visible(held.models?.join(", ") ?? "every model and route")],
          ["Ends", held.expires_ns === null ? "never" : moment(held.expires_ns)],
          ["Issued", `${moment(held.created_ns)} by ${visible(held.created_by)}`],
          ["Id", <code key="id">{held.key_id}</code>],
        ]}
      />
      <Budget of={held.key_id} />
      {rotating && (
        <Confirm
          title={`Rotate ${visible(held.name)}?`}
          does="Rotate it"
          onYes={() => void rotate()}
          onClose={() => setRotating(false)}
        >
          The secret in use is refused at once, wherever it is. The new one is shown once.
        </Confirm>
      )}
    </Pane>
  );
}

async function disable(key: Key, disabled: boolean): Promise<void> {
  try {
    await api.patch("/api/v1/keys/{ref}", { path: { ref: key.key_id }, body: { disabled } });
    changed("keys");
    done(
      `${disabled ? "Disabled" : "Accepted again"}: ${visible(key.name)}`,
      () => void disable(key, !disabled),
    );
  } catch (error) {
    failed(error);
  }
}

/** The only time that it is shown; it is in no address and in no store of the browser. */
function Secret({ secret, onTaken }: { secret: string; onTaken: () => void }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.querySelector("button")?.focus(), []);
  return (
    <div ref={place} className="gateway-secret" role="region" aria-label="The secret of the key">
      <p className="spread">
        <strong>The secret, shown this once</strong>
        <span className="row">
          <Copy text={secret} label="Copy the secret" />
          <Button onClick={onTaken}>I have it</Button>
        </span>
      </p>
      <code>{secret}</code>
      <Snippet label="Ask with it" code={asking(secret)} />
    </div>
  );
}

function asking(secret: string): string {
  const url = new URL("v1/chat/completions", document.baseURI);
  return `curl ${url.href} -H 'authorization: Bearer ${secret}' \\
  -H 'content-type: application/json' \\
  -d '{"model": "trimtab/extract", "messages": [{"role": "user", "content": "Hello"}]}'`;
}
