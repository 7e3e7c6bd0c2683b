/** Saved views: the list as somebody left it, by name, for the whole project. */
import { useState } from "react";
import { api, project, type Schemas } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { useKept } from "@/kit/kept";
import { useKeys } from "@/kit/keys";
import { patch, patched, step, useParams } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Field } from "@/parts/field";
import { Menu } from "@/parts/menu";
import { done, failed } from "@/parts/messages";

const PAGE = "traces";
const PARAMETERS = ["filter", "since", "until", "columns", "sort", "live"];
type View = Schemas["View"];

/** What a view is of the address: the parameters that say what is shown. */
function taken(parameters: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = PARAMETERS.map((name) => [name, parameters[name] ?? ""] as const);
  return Object.fromEntries(pairs.filter(([, value]) => value));
}

function isShown(view: View, parameters: Readonly<Record<string, string>>): boolean {
  const now = taken(parameters);
  return PARAMETERS.every((name) => (view.state?.[name] ?? "") === (now[name] ?? ""));
}

function show(state: Readonly<Record<string, string>>, write = step): void {
  write({ ...Object.fromEntries(PARAMETERS.map((name) => [name, ""])), ...state });
}

const usual = () => `${PAGE}.view.${project.get()}`;

/** The view that this browser opens the page with, where the address says nothing itself. */
export function openUsual(kept: string | null): void {
  // the project is where the page is, and not what it shows
  if (!kept || patched(location.search, { project: "" })) return;
  try {
    const view = JSON.parse(kept) as View;
    show(view.state ?? {}, patch);
  } catch {
    // what cannot be read is no view
  }
}

export const usualView = usual;

export function Views() {
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  const [mine, setMine] = useKept(usual(), "");
  const parameters = useParams();
  const { data } = useAnswer(["views", PAGE], (signal) =>
    api.get("/api/v1/views", { query: { page: PAGE }, signal }),
  );
  useKeys([{ keys: "v", does: "saved views", run: () => setOpen(true) }]);
  const views = data?.data ?? [];
  const here = views.find((view) => isShown(view, parameters));
  const myName = mine ? (JSON.parse(mine) as View).name : "";
  const put = (view: { name: string; state?: Record<string, string> }) =>
    api.put("/api/v1/views", { body: { page: PAGE, name: view.name, state: view.state ?? {} } });
  const save = async () => {
    try {
      await put({ name: name.trim(), state: taken(parameters) });
      done(`The view “${name.trim()}” is saved for the project`);
      setName("");
      changed("views");
    } catch (error) {
      failed(error);
    }
  };
  const drop = async (view: View) => {
    try {
      await api.delete("/api/v1/views", { query: { page: PAGE, name: view.name } });
      if (view.name === myName) setMine("");
      const back = () => void put(view).then(() => changed("views"), failed);
      done(`The view “${visible(view.name)}” is deleted`, back);
      changed("views");
    } catch (error) {
      failed(error);
    }
  };
  return (
    <Menu
      label={here ? visible(here.name).slice(0, 40) : "Views"}
      title="Saved views"
      open={open}
      onOpen={setOpen}
      right
    >
      {views.length === 0 && <span className="soft">No view is saved yet.</span>}
      {views.map((view) => (
        <div key={view.name} className="traces-view">
          <Button
            kind="quiet"
            aria-pressed={view === here}
            title={view.state?.filter ? visible(view.state.filter) : "every trace"}
            onClick={() => {
              show(view.state ?? {});
              setOpen(false);
            }}
          >
            <bdi className="cut">{visible(view.name)}</bdi>
          </Button>
          <Button
            kind="quiet"
            aria-pressed={view.name === myName}
            aria-label={`open the page with ${visible(view.name)}`}
            title="This browser opens the page with it"
            onClick={() => setMine(view.name === myName ? "" : JSON.stringify(view))}
          >
            {view.name === myName ? "★" : "☆"}
          </Button>
          <Button
            kind="quiet"
            aria-label={`delete ${visible(view.name)}`}
            onClick={() => void drop(view)}
          >
            ✕
          </Button>
        </div>
      ))}
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Field label="Save what is shown as" small>
          <input
            className="input"
            required
            maxLength={200}
            data-first={views.length === 0 || undefined}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </Field>
        <Button type="submit">Save</Button>
      </form>
    </Menu>
  );
}
