import { Link, useLocation } from "wouter";
import { useLookedAt } from "@/api/caller";
import { key, Problem } from "@/api/client";
import { above } from "@/kit/state";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";
import "./failure.css";

/** The event that says that a reader would give a key, or another. */
export const WANTED = "trimtab.key-wanted";

/** What failed, where, and what to do; with a way to ask again, or on. */
export function Failure({ error, again }: { error: Error; again?: () => void }) {
  const problem = error instanceof Problem ? error : null;
  const status = problem?.status;
  return (
    <div className="failure" role="alert">
      <strong>{problem ? problem.title : "This page failed"}</strong>
      <p>{error.message}</p>
      {problem?.advice && <p className="soft">To do: {problem.advice}</p>}
      {status === 404 && <Elsewhere />}
      <div className="row">
        {again && <Button onClick={again}>Try again</Button>}
        {(status === 401 || (status === 403 && key.get())) && (
          <Button onClick={() => dispatchEvent(new Event(WANTED))}>
            {status === 401 ? "Give a key" : "Use another key"}
          </Button>
        )}
      </div>
    </div>
  );
}

/** Where what is not there was looked for, and the list that it would be in. */
function Elsewhere() {
  const [here] = useLocation();
  const list = above(here);
  return (
    <p className="soft">
      Looked for in the project <bdi>{visible(useLookedAt())}</bdi>.{" "}
      {list && <Link href={`/${list}`}>All {list}</Link>}
    </p>
  );
}
