import { useEffect, useId, useState } from "react";
import { useLocation } from "wouter";
import { api } from "@/api/client";
import { useAnswer } from "@/api/query";
import { useProject } from "@/kit/project";
import { Field } from "@/parts/field";

/** The project of a server without keys; with one, the key says it. */
export function ProjectChoice() {
  const now = useProject();
  const [here, go] = useLocation();
  const [name, setName] = useState(now);
  const [isAsked, setAsked] = useState(false);
  const offered = useId();
  const { data } = useAnswer(["projects"], (signal) => api.get("/api/v1/projects", { signal }), {
    on: isAsked,
  });
  useEffect(() => setName(now), [now]);
  const choose = () => {
    const next = name.trim();
    // what else the address says is of records of the other project
    if (next !== now) go(`${here}?project=${encodeURIComponent(next)}`);
  };
  return (
    <>
      <Field label="Project" small>
        <input
          className="input"
          list={offered}
          value={name}
          placeholder="default"
          onChange={(event) => setName(event.target.value)}
          onFocus={() => setAsked(true)}
          onPointerEnter={() => setAsked(true)}
          onBlur={choose}
          onKeyDown={(event) => event.key === "Enter" && choose()}
        />
      </Field>
      <datalist id={offered}>
        {data?.data.map((one) => (
          <option key={one.name} value={one.name} />
        ))}
      </datalist>
    </>
  );
}
