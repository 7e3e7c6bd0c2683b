import { useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { key, type Problem, refusals } from "@/api/client";
import { queries } from "@/api/query";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { WANTED } from "@/parts/failure";
import { Field } from "@/parts/field";

/** Asks for a key when an answer says that one is needed; it is kept until the tab is closed. */
export function SignIn({ onKey }: { onKey: () => void }) {
  const [here] = useLocation();
  const [why, setWhy] = useState<string | null>(null);
  const [secret, setSecret] = useState("");
  const left = useRef("");
  useEffect(() => {
    const refused = (event: Event) => {
      const { problem, isChange } = (event as CustomEvent<Refused>).detail;
      // what asks again by itself does not open it where it was closed
      if (isChange || left.current !== here) setWhy(problem.detail);
    };
    const wanted = () => setWhy("Another key may show more.");
    refusals.addEventListener("refused", refused);
    addEventListener(WANTED, wanted);
    return () => {
      refusals.removeEventListener("refused", refused);
      removeEventListener(WANTED, wanted);
    };
  }, [here]);
  if (why === null) return null;
  const close = () => {
    left.current = here;
    setWhy(null);
  };
  const send = (event: React.FormEvent) => {
    event.preventDefault();
    key.set(secret.trim());
    left.current = "";
    setSecret("");
    setWhy(null);
    onKey();
    void queries.resetQueries();
  };
  return (
    <Dialog title="This server needs a key" onClose={close}>
      <form className="stack" onSubmit={send}>
        <p>{why}</p>
        <Field label="Key" hint="Kept in this tab only, and sent to this server only.">
          <input
            className="input"
            type="password"
            autoComplete="off"
            value={secret}
            onChange={(event) => setSecret(event.target.value)}
          />
        </Field>
        <Button kind="main" type="submit" disabled={!secret.trim()}>
          Use the key
        </Button>
      </form>
    </Dialog>
  );
}

type Refused = { problem: Problem; isChange: boolean };
