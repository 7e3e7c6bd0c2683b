/** Which trace to compare with: one of the newest of the same name, or any by its id. */
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { both, term } from "@/kit/filters";
import { duration, money } from "@/kit/format";
import { Status } from "@/parts/badge";
import { Button } from "@/parts/button";
import { Dialog } from "@/parts/dialog";
import { Failure } from "@/parts/failure";
import { Field } from "@/parts/field";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";

const MOST = 12;
const LOOKED_AT = 100;
const TRACE = /^[0-9a-f]{32}$/i;

export function ChooseOther(props: { trace_id: string; name: string; onClose: () => void }) {
  const [, go] = useLocation();
  const [text, setText] = useState("");
  const filter = both("root:true", term("name", props.name));
  const { data, error } = useAnswer(["traces", "others", filter], (signal) =>
    api.get("/api/v1/traces", { query: { filter, limit: LOOKED_AT }, signal }),
  );
  // the filter finds traces of which any span has the name
  const others = (data?.data ?? []).filter(
    (one) => one.name === props.name && one.trace_id !== props.trace_id,
  );
  const id = text.trim();
  const href = (other: string) => `/traces/${props.trace_id}/diff/${other}`;
  return (
    <Dialog title="Compare with another trace" wide onClose={props.onClose}>
      <form
        className="trace-choose"
        onSubmit={(event) => {
          event.preventDefault();
          if (TRACE.test(id)) go(href(id.toLowerCase()));
        }}
      >
        <Field
          label="Trace id"
          error={id && !TRACE.test(id) ? "A trace id is 32 hexadecimal digits." : null}
        >
          <input
            className="input mono"
            spellCheck={false}
            autoComplete="off"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </Field>
        <Button type="submit" disabled={!TRACE.test(id)}>
          Compare
        </Button>
      </form>
      {error && <Failure error={error} />}
      {others.length > 0 && <h3>The newest of the same name</h3>}
      <ul className="trace-others">
        {others.slice(0, MOST).map((one) => (
          <li key={one.trace_id}>
            <Link href={href(one.trace_id)}>
              <Status status={one.status} short />
              <When ns={one.start_ns} />
              <span className="cut grow">
                <Line text={one.input_preview} />
              </span>
              <span>{duration(one.duration_ms)}</span>
              <span>{money(one.cost_usd)}</span>
            </Link>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
