/** Nothing is recorded yet: the ways to begin, with the address of this very server. */
import { useLookedAt } from "@/api/caller";
import { key, project } from "@/api/client";
import { server } from "@/kit/place";
import { client, type Spoken, telemetry, unchanged } from "@/kit/snippets";
import { visible } from "@/kit/visible";
import { Snippet } from "@/parts/copy";
import "./empty.css";

/** This server, for lines that are taken along. */
export function spoken(): Spoken {
  return { url: server, keyed: key.get() !== null, project: project.get() };
}

export function Begin({ title }: { title: string }) {
  const here = spoken();
  return (
    <section className="empty stack">
      <h2>{title}</h2>
      <p>
        Nothing is recorded in the project <bdi>{visible(useLookedAt())}</bdi>. Send it the traces
        of an application, or put it between the application and its models.
      </p>
      <Snippet label="Any OpenTelemetry SDK" code={telemetry(here)} />
      {!here.project && <Snippet label="A program as it is" code={unchanged(here)} />}
      <Snippet label="In front of a model" code={client(here)} />
    </section>
  );
}
