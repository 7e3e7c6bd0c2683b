import { visible } from "@/kit/visible";
import { Badge } from "@/parts/badge";

/** The labels of a prompt with the versions that they point to. */
export function Labels({ labels }: { labels: Readonly<Record<string, number>> }) {
  return (
    <span className="prompts-labels">
      {Object.entries(labels).map(([name, version]) => (
        <Badge key={name} tone="accent">
          {visible(name)} {version}
        </Badge>
      ))}
    </span>
  );
}
