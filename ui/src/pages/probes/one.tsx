import { useState } from "react";
import { useLocation } from "wouter";
import { api, type Schemas } from "@/api/client";
import { changed, useAnswer } from "@/api/query";
import { count, duration, percent } from "@/kit/format";
import { useKeys } from "@/kit/keys";
import { usePathEnd } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Confirm } from "@/parts/dialog";
import { Failure } from "@/parts/failure";
import { type Figure, Figures } from "@/parts/figures";
import { Frame } from "@/parts/frame";
import { done, failed } from "@/parts/messages";
import { Finding } from "./finding";
import { ProbeForm, store } from "./form";
import { Looks } from "./looks";

type Probe = Schemas["Probe"];

export default function OneProbe() {
  const name = usePathEnd();
  const [, go] = useLocation();
  const [open, setOpen] = useState<"form" | "reference" | "delete" | null>(null);
  const [busy, setBusy] = useState(false);
  const path = { name };
  const found = useAnswer(["probe", "one", name], (signal) =>
    api.get("/api/v1/probes/{name}", { path, signal }),
  );
  const looks = useAnswer(
    ["probe", "looks", name],
    (signal) => api.get("/api/v1/probes/{name}/looks", { path, query: { limit: 1_000 }, signal }),
    { every: 15_000 },
  );
  const probe = found.data;
  const accept = async (run: string | null, undo: boolean) => {
    const before = probe?.reference ?? null;
    setBusy(true);
    try {
      await api.post("/api/v1/probes/{name}/reference", { path, body: { run } });
      const back = undo && before ? () => void accept(before, false) : undefined;
      done(run ? "Later looks are compared with that one" : "A new reference is taken", back);
    } catch (error) {
      failed(error);
    }
    setBusy(false);
    changed("probes", "probe");
  };
  const look = async () => {
    setBusy(true);
    try {
      const made = await api.post("/api/v1/probes/{name}/looks", { path, body: {} });
      done(visible(made.sentence || made.status));
    } catch (error) {
      failed(error);
    }
    setBusy(false);
    changed("probes", "probe");
  };
  const turn = async (one: Probe) => {
    const enabled = one.enabled === false;
    try {
      await store({ ...one, enabled });
      const text = enabled ? "It looks by itself again" : "It looks only when it is told to";
      done(text, () => void store(one).then(() => changed("probes", "probe"), failed));
    } catch (error) {
      failed(error);
    }
    changed("probes", "probe");
  };
  const remove = () =>
    api.delete("/api/v1/probes/{name}", { path }).then(() => {
      changed("probes"); // not what is asked of this one: it is no more
      done(`The probe ${visible(name)} is deleted`);
      go("/probes");
    }, failed);
  useKeys([
    { keys: "l", does: "look now", run: () => void look() },
    { keys: "a", does: "take a new reference", run: () => setOpen("reference") },
    { keys: "e", does: "change the probe", run: () => probe && setOpen("form") },
    { keys: "Escape", does: "back to the probes", run: () => go("/probes") },
  ]);
  const rows = looks.data?.data ?? [];
  return (
    <Frame
      title={`Probe ${visible(name).slice(0, 120)}`}
      note={looks.isSuccess && <Finding status={rows[0]?.status} />}
      actions={
        probe && (
          <>
            <Button onClick={() => setOpen("form")}>
              Change <kbd>e</kbd>
            </Button>
            <Button onClick={() => void turn(probe)}>
              {probe.enabled === false ? "Switch on" : "Switch off"}
            </Button>
            <Button kind="danger" onClick={() => setOpen("delete")}>
              Delete
            </Button>
            <Button onClick={() => setOpen("reference")} disabled={busy}>
              New reference <kbd>a</kbd>
            </Button>
            <Button kind="main" onClick={() => void look()} disabled={busy}>
              {busy ? "Looking" : "Look now"} <kbd>l</kbd>
            </Button>
          </>
        )
      }
    >
      {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
      {looks.error && !found.error && (
        <Failure error={looks.error} again={() => void looks.refetch()} />
      )}
      {probe && (
        <>
          <Figures label="What the probe does" figures={figures(probe, rows.length)} />
          <Looks
            looks={rows}
            reference={probe.reference ?? null}
            known={looks.isSuccess}
            onAccept={(run) => void accept(run, true)}
          />
        </>
      )}
      {open === "form" && probe && <ProbeForm given={probe} onClose={() => setOpen(null)} />}
      {open === "reference" && (
        <Confirm
          title="Take what it says now as the reference?"
          does="Ask and take it"
          onYes={() => void accept(null, true)}
          onClose={() => setOpen(null)}
        >
          Each question is asked {count(probe?.repeats)} times, and later looks are compared with
          these answers. The calls may cost money.
        </Confirm>
      )}
      {open === "delete" && (
        <Confirm
          title={`Delete the probe ${visible(name)}?`}
          does="Delete it"
          onYes={() => void remove()}
          onClose={() => setOpen(null)}
        >
          It goes with its {count(rows.length)} looks. Their runs stay.
        </Confirm>
      )}
    </Frame>
  );
}

function figures(probe: Probe, looks: number): Figure[] {
  const small = (text: string) => <span className="probes-name">{visible(text)}</span>;
  return [
    { name: "Asks", value: small(probe.ask) },
    {
      name: "Questions",
      value: small(probe.dataset),
      href: `/datasets/${encodeURIComponent(probe.dataset.replace(/@[^@]*$/, ""))}`,
    },
    {
      name: "Every",
      value: duration((probe.every_s ?? 0) * 1_000),
      note: probe.enabled === false ? "off: only when told" : undefined,
    },
    { name: "Repeats", value: count(probe.repeats), note: "for a reference" },
    { name: "False alarms", value: percent(probe.alpha, 1), note: "risked over all looks" },
    { name: "Looks", value: count(looks) },
  ];
}
