/** The versions of a prompt, newest first. */
import { useRef } from "react";
import { useKeys } from "@/kit/keys";
import { patch } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Badge } from "@/parts/badge";
import { When } from "@/parts/when";
import type { Entry, Version } from "./version";

export function Rail(props: { entry: Entry; versions: readonly Version[]; now: Version }) {
  const { entry, versions, now } = props;
  const list = useRef<HTMLDivElement>(null);
  const show = (version: Version | undefined) => {
    if (!version) return;
    patch({ version: version.version === entry.latest ? "" : String(version.version) });
    list.current
      ?.querySelector(`[data-version="${version.version}"]`)
      ?.scrollIntoView({ block: "nearest" });
  };
  const at = versions.indexOf(now);
  const move = (by: number) => show(versions[Math.max(0, Math.min(at + by, versions.length - 1))]);
  useKeys([
    { keys: "j", does: "older version", run: () => move(1) },
    { keys: "k", does: "newer version", run: () => move(-1) },
    {
      keys: "b",
      does: "compare others with this version",
      run: () => patch({ against: String(now.version), view: "changes" }),
    },
  ]);
  const onKey = (event: React.KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    move(by);
  };
  const labels = (version: number) =>
    Object.entries(entry.labels).filter(([, one]) => one === version);
  return (
    <div
      ref={list}
      className="prompt-rail"
      role="listbox"
      aria-label="Versions"
      aria-activedescendant={`version-${now.version}`}
      tabIndex={0}
      onKeyDown={onKey}
    >
      {versions.map((one) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the arrows of the list do the same
        <div
          key={one.version}
          id={`version-${one.version}`}
          data-version={one.version}
          role="option"
          aria-selected={one === now}
          tabIndex={-1}
          className="prompt-version"
          onClick={() => show(one)}
        >
          <span className="spread">
            <span className="prompt-version-labels">
              <strong>Version {one.version}</strong>
              {labels(one.version).map(([name]) => (
                <Badge key={name} tone="accent">
                  {visible(name)}
                </Badge>
              ))}
            </span>
            <span className="soft">
              <When ns={one.created_ns} />
            </span>
          </span>
          <span className="prompt-version-note soft">
            {visible([one.author, one.note].filter(Boolean).join(": "))}
          </span>
        </div>
      ))}
    </div>
  );
}
