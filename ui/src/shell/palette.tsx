/** Ctrl K: pages by name, records by id, and a filter for what is neither. */
import { useState } from "react";
import { useLocation } from "wouter";
import { PAGES } from "@/pages";
import { Dialog } from "@/parts/dialog";
import { type Entry, found } from "@/shell/finding";
import { useRecords } from "@/shell/records";

export function Palette({ onClose }: { onClose: () => void }) {
  const [, go] = useLocation();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const entries = found(text, PAGES, useRecords());
  const choose = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    go(entry.href);
  };
  const onKey = (event: React.KeyboardEvent) => {
    if (event.key === "Enter") choose(entries[at]);
    else if (event.key === "ArrowDown") setAt(Math.min(at + 1, entries.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Find" onClose={onClose}>
      <input
        className="input wide"
        role="combobox"
        aria-label="A page, a name, a trace id, or a filter"
        aria-expanded="true"
        aria-controls="palette-entries"
        aria-activedescendant={entries[at] ? `palette-${at}` : undefined}
        placeholder="A page, a name, a trace id, or a filter"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      <ul className="palette" id="palette-entries" role="listbox" aria-label="Found">
        {entries.map((entry, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field above
          <li
            key={entry.href}
            id={`palette-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onClick={() => choose(entry)}
            onPointerMove={() => setAt(index)}
          >
            <span>{entry.title}</span>
            <span className="soft">{entry.detail}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
