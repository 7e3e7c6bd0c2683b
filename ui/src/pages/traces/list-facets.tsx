/** The commonest values of some fields beside the list, and the scores that calls failed most:
 * one adds a condition, or excludes. */
import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { has, term, toggled } from "@/kit/filters";
import { Value } from "@/parts/values";

const FIELDS = ["status", "kind", "model", "route", "environment", "user", "session", "tag"];
const SHOWN = 5;
const FAILED = 3;

export function Facets(props: {
  filter: string;
  /** The filter with the period. */
  asked: string;
  /** The list is there; it is what people wait for, and these would make it slower. */
  on: boolean;
  onChange: (filter: string) => void;
}) {
  const facets = useAnswer(
    ["facets", props.asked],
    (signal) =>
      api.get("/api/v1/facets", {
        query: { fields: FIELDS.join(","), filter: props.asked, limit: SHOWN },
        signal,
      }),
    { on: props.on },
  );
  const failed = useFailed(props.asked, props.on);
  const isThere = facets.data && failed.isThere; // at once: what comes later would move the rest
  const found = (isThere ? facets.data.data : [])
    .filter((facet) => facet.values.length > 0)
    .map(({ field, values }) => ({
      title: field,
      values: values.map(({ value, traces }) => ({
        value,
        size: traces,
        condition: term(field, value),
      })),
    }));
  return (
    <aside className="values" aria-label="Values">
      {found.length > 0 && <p className="soft">Traces with a span of</p>}
      {[...found.slice(0, 1), ...(isThere ? failed.sections : []), ...found.slice(1)].map(
        ({ title, values }) => (
          <section key={title} aria-label={title}>
            <h2>{title}</h2>
            {values.map(({ value, size, condition }) => {
              const change = (excludes: boolean) =>
                props.onChange(toggled(props.filter, excludes ? `-${condition}` : condition));
              return (
                <Value
                  key={value}
                  value={value}
                  size={size}
                  on={has(props.filter, condition)}
                  onPick={() => change(false)}
                  onExclude={() => change(true)}
                />
              );
            })}
          </section>
        ),
      )}
    </aside>
  );
}

/** Scores that pass or fail, those that failed most often first; no section where none failed. */
function useFailed(asked: string, on: boolean) {
  const { data, error } = useAnswer(
    ["scores", "figures", asked],
    (signal) => api.get("/api/v1/metrics/scores", { query: { filter: asked }, signal }),
    { on },
  );
  const sizes = new Map<string, number>();
  for (const { name, scored, passed } of data?.data ?? [])
    if (passed !== null) sizes.set(name, (sizes.get(name) ?? 0) + scored - passed);
  const values = [...sizes]
    .map(([value, size]) => ({ value, size, condition: term(`score.${value}`, "false") }))
    .filter(({ size }) => size > 0)
    .sort((a, b) => b.size - a.size)
    .slice(0, FAILED);
  const isThere = data !== undefined || error !== null;
  return { isThere, sections: values.length > 0 ? [{ title: "failed score", values }] : [] };
}
