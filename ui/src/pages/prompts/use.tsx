/** A version as code to take along. */
import { key } from "@/api/client";
import { useModels } from "@/api/models";
import { base } from "@/kit/place";
import { commands, filledIn, python } from "@/kit/prompt-code";
import { read } from "@/kit/values";
import { Snippet } from "@/parts/copy";
import { useValues } from "./preview";
import { type Entry, type Version, wantedBy } from "./version";

const EXAMPLES = { string: "…", number: 1, integer: 1, boolean: true, array: [], object: {} };

export function Use({ entry, version }: { entry: Entry; version: Version }) {
  const models = useModels();
  const values = useValues();
  const wanted = wantedBy(version);
  const given = read(wanted, values).values;
  const examples = wanted
    .filter((one) => one.required && !(one.name in given))
    .map((one) => [one.name, EXAMPLES[one.type ?? "string"]]);
  const pointing = Object.entries(entry.labels).find(([, one]) => one === version.version);
  const used = {
    name: version.name,
    version: version.version,
    label: pointing?.[0] ?? null,
    values: { ...Object.fromEntries(examples), ...given },
    model: models?.find((one) => one.includes("/")) ?? models?.[0] ?? "provider/model",
  };
  const withKey = key.get() !== null;
  return (
    <div className="prompt-use stack">
      <Snippet label="In an application" code={python(used, base.href)} />
      <Snippet
        label="Through the gateway"
        code={filledIn(used, new URL("v1", base).href, withKey)}
      />
      <Snippet label="In a terminal" code={commands(used)} />
    </div>
  );
}
