/** What prompts are sorted by: folders, labels, tags. */
import type { Schemas } from "@/api/client";
import { counted, folders } from "@/kit/folders";
import { step } from "@/kit/state";
import { Value } from "@/parts/values";

export function Groups(props: {
  entries: readonly Schemas["PromptEntry"][];
  folder: string;
  tag: string;
  label: string;
}) {
  const { entries, folder, tag, label } = props;
  const labels = counted(entries.flatMap((one) => Object.keys(one.labels)));
  const tags = counted(entries.flatMap((one) => one.tags));
  const tree = folders(entries);
  if (tree.length + labels.length + tags.length === 0) return null;
  return (
    <nav className="values" aria-label="Folders, labels and tags">
      {tree.length > 0 && <h2>Folders</h2>}
      {tree.map((one) => (
        <Value
          key={one.path}
          value={one.name}
          size={one.size}
          depth={one.depth}
          on={folder === one.path}
          onPick={() => step({ folder: folder === one.path ? "" : one.path })}
        />
      ))}
      {labels.length > 0 && <h2>Labels</h2>}
      {labels.map(([name, size]) => (
        <Value
          key={name}
          value={name}
          size={size}
          on={label === name}
          onPick={() => step({ label: label === name ? "" : name })}
        />
      ))}
      {tags.length > 0 && <h2>Tags</h2>}
      {tags.map(([name, size]) => (
        <Value
          key={name}
          value={name}
          size={size}
          on={tag === name}
          onPick={() => step({ tag: tag === name ? "" : name })}
        />
      ))}
    </nav>
  );
}
