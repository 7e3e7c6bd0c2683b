/** The commonest values of some fields beside the list: one adds a condition, or excludes. */
import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { has, term, toggled } from "@/kit/filters";
import { Value } from "@/parts/values";

const FIELDS = ["status", "kind", "model", "route", "environment", "user", "session", "tag"];
const SHOWN = 6;

export function Facets(props: {
  filter: string;
  /** The filter with the period. */
  asked: string;
  /** The list is there; it is what people wait for, and these would make it slower. */
  on: boolean;
  onChange: (filter: string) => void;
}) {
  const { data } = useAnswer(
    ["facets", props.asked],
    (signal) =>
      api.get("/api/v1/facets", {
        query: { fields: FIELDS.join(","), filter: props.asked, limit: SHOWN },
        signal,
      }),
    { on: props.on },
  );
  const found = (data?.data ?? []).filter((facet) => facet.values.length > 0);
  return (
    <aside className="values" aria-label="Values">
      {found.length > 0 && <p className="soft">Traces with a span of</p>}
      {found.map((facet) => (
        <section key={facet.field} aria-label={facet.field}>
          <h2>{facet.field}</h2>
          {facet.values.map(({ value, traces }) => {
            const condition = term(facet.field, value);
            const change = (excludes: boolean) =>
              props.onChange(toggled(props.filter, excludes ? `-${condition}` : condition));
            return (
              <Value
                key={value}
                value={value}
                size={traces}
                on={has(props.filter, condition)}
                onPick={() => change(false)}
                onExclude={() => change(true)}
              />
            );
          })}
        </section>
      ))}
    </aside>
  );
}
