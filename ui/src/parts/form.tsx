import { type ReactNode, useState } from "react";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import "./form.css";

/** Fields that are sent together; what is wrong with them stands below, in the words of the server. */
export function Form(props: {
  children: ReactNode;
  /** Rejects with what is wrong. */
  onSend: () => Promise<void>;
  /** What the button says. */
  does: string;
  /** The same while it is done. */
  doing?: string | undefined;
  /** Other buttons, beside it. */
  beside?: ReactNode;
}) {
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<Error | null>(null);
  const send = async () => {
    setBusy(true);
    try {
      await props.onSend();
    } catch (problem) {
      setWrong(problem as Error);
    }
    setBusy(false);
  };
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {props.children}
      {wrong && (
        <p className="form-wrong" role="alert">
          {visible(wrong.message)}
        </p>
      )}
      <div className="row">
        <Button kind="main" type="submit" disabled={busy}>
          {busy ? (props.doing ?? props.does) : props.does}
        </Button>
        {props.beside}
      </div>
    </form>
  );
}
