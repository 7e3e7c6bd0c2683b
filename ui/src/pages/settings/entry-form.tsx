import { type ReactNode, useState } from "react";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Form } from "@/parts/form";

/** An entry that is new, or as it was given; one that the configuration file has is only shown. */
export function EntryForm(props: {
  title: string;
  given: { source: "api" | "file" } | null;
  /** What the buttons say. */
  does: string;
  undoes: string;
  /** Rejects with what is wrong. */
  onStore: () => Promise<void>;
  onRemove: () => void;
  onClose: () => void;
  children: ReactNode;
}) {
  const store = async () => {
    await props.onStore();
    props.onClose();
  };
  const remove = () => {
    props.onRemove();
    props.onClose();
  };
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      {isDeclared(props.given) ? (
        <div className="stack">
          <p>It stands in the configuration file, and is changed there.</p>
          {props.children}
        </div>
      ) : (
        <Form
          onSend={store}
          does={props.does}
          beside={
            props.given && (
              <Button kind="danger" onClick={remove}>
                {props.undoes}
              </Button>
            )
          }
        >
          {props.children}
        </Form>
      )}
    </Dialog>
  );
}

type Control = HTMLInputElement | HTMLSelectElement;

/** What the fields of an entry hold, as text, and what binds a control to one of them. */
export function useFields<Fields extends Record<string, string>>(
  given: { source: "api" | "file" } | null,
  written: () => Fields,
) {
  const [fields, setFields] = useState(written);
  const on = (name: keyof Fields & string) => ({
    value: fields[name] as string,
    disabled: isDeclared(given),
    onChange: (event: React.ChangeEvent<Control>) =>
      setFields({ ...fields, [name]: event.target.value }),
  });
  return [fields, on] as const;
}

function isDeclared(given: { source: "api" | "file" } | null): boolean {
  return given?.source === "file";
}
