/** The frame of every page: navigation, keys, palette, messages, and the key a server asks for. */
import { useEffect, useReducer, useState } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { type Binding, listen, useKeys } from "@/kit/keys";
import { useProject } from "@/kit/project";
import { PAGES } from "@/pages";
import { Boundary } from "@/parts/boundary";
import { ahead, Coded } from "@/parts/coded";
import { Messages } from "@/parts/messages";
import { Coming } from "@/shell/coming";
import { Navigation } from "@/shell/navigation";
import { Nowhere } from "@/shell/nowhere";
import { Palette } from "@/shell/palette";
import { Shortcuts } from "@/shell/shortcuts";
import { SignIn } from "@/shell/sign-in";
import "./app.css";

export function App() {
  const [here, go] = useLocation();
  const [open, setOpen] = useState<"palette" | "shortcuts" | null>(null);
  const [, drawAgain] = useReducer((drawn: number) => drawn + 1, 0);
  const project = useProject();
  useEffect(listen, []);
  useEffect(() => fetched(here), [here]);
  const jumps: Binding[] = PAGES.filter((page) => page.key).map((page) => ({
    keys: `g ${page.key}`,
    does: `go to ${page.title.toLowerCase()}`,
    run: () => go(page.path),
  }));
  useKeys([
    ...jumps,
    {
      keys: "ctrl+k",
      does: "find a page, a record or an action",
      always: true,
      run: () => setOpen("palette"),
    },
    { keys: "?", does: "show the shortcuts", run: () => setOpen("shortcuts") },
  ]);
  return (
    <div className="app">
      <button type="button" className="skip" onClick={toContent}>
        Skip to the content
      </button>
      <Navigation onPalette={() => setOpen("palette")} onKeys={() => setOpen("shortcuts")} />
      <main key={project} id="content" tabIndex={-1}>
        <Boundary at={here}>
          <Switch>
            {PAGES.map((page) => (
              <Route key={page.path} path={page.path}>
                <Coded
                  key={page.path}
                  load={page.load}
                  with={{}}
                  instead={<Coming title={page.title} />}
                  late
                />
              </Route>
            ))}
            <Route path="/">
              <Redirect to={PAGES[0]?.path ?? "/traces"} replace />
            </Route>
            <Route component={Nowhere} />
          </Switch>
        </Boundary>
      </main>
      {open === "palette" && <Palette onClose={() => setOpen(null)} />}
      {open === "shortcuts" && <Shortcuts onClose={() => setOpen(null)} />}
      <SignIn onKey={drawAgain} />
      <Messages />
    </div>
  );
}

function toContent() {
  document.getElementById("content")?.focus();
}

const QUIET_MS = 1_000;

/** Once a list has been there for a while, fetches the code of what opens from it. */
function fetched(here: string): () => void {
  const below = PAGES.filter(
    ({ path }) => path.startsWith(`${here}/:`) && !path.includes("/", here.length + 1),
  );
  const timer = setTimeout(() => {
    for (const page of below) void ahead(page.load).catch(() => {});
  }, QUIET_MS);
  return () => clearTimeout(timer);
}
