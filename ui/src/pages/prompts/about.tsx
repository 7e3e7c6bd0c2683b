/** What is said of a prompt's name: folder, tags, description, and whether it is listed. */
import { useState } from "react";
import { api } from "@/api/client";
import { changed } from "@/api/query";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Field } from "@/parts/field";
import { done, failed } from "@/parts/messages";
import type { Entry } from "./version";

export function About({ entry }: { entry: Entry }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>Folder and tags</Button>
      {open && <Change entry={entry} onClose={() => setOpen(false)} />}
    </>
  );
}

function Change({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const [folder, setFolder] = useState(entry.folder);
  const [tags, setTags] = useState(entry.tags.join(", "));
  const [description, setDescription] = useState(entry.description);
  const before = told(entry);
  const save = (event: React.FormEvent) => {
    event.preventDefault();
    const list = tags
      .split(",")
      .map((one) => one.trim())
      .filter(Boolean);
    void describe(entry.name, { folder, tags: list, description }, before, "Changed").then(
      (isDone) => isDone && onClose(),
    );
  };
  const archived = !entry.archived;
  const archive = () =>
    void describe(
      entry.name,
      { archived },
      { archived: entry.archived },
      archived ? "Archived: it is not listed, and answers as before" : "Listed again",
    ).then((isDone) => isDone && onClose());
  return (
    <Dialog title={`About ${visible(entry.name).slice(0, 80)}`} onClose={onClose}>
      <form className="stack" onSubmit={save}>
        <Field label="Folder" hint="A path such as support/mail.">
          <input
            className="input"
            value={folder}
            onChange={(event) => setFolder(event.target.value)}
          />
        </Field>
        <Field label="Tags" hint="Between commas.">
          <input className="input" value={tags} onChange={(event) => setTags(event.target.value)} />
        </Field>
        <Field label="What it is for">
          <input
            className="input"
            value={description}
            onChange={(event) => setDescription(event.target.value)}
          />
        </Field>
        <div className="spread">
          <Button kind="main" type="submit">
            Save
          </Button>
          <Button onClick={archive}>{archived ? "Archive it" : "List it again"}</Button>
        </div>
      </form>
    </Dialog>
  );
}

interface Told {
  folder?: string;
  tags?: string[];
  description?: string;
  archived?: boolean;
}

const told = ({ folder, tags, description }: Entry): Told => ({ folder, tags, description });

/** Whether it could be done. */
async function describe(name: string, body: Told, before: Told, says: string): Promise<boolean> {
  const send = async (what: Told) => {
    await api.patch("/api/v1/prompts/{name}/entry", { path: { name }, body: what });
    changed("prompts");
  };
  try {
    await send(body);
    done(says, () => void send(before).then(() => done("It is as it was"), failed));
    return true;
  } catch (error) {
    failed(error);
    return false;
  }
}
