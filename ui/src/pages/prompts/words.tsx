/** One version: its messages as templates, what goes with them, and what should be mended. */
import type { ReactNode } from "react";
import { Link } from "wouter";
import { lineOf } from "@/kit/board";
import { written } from "@/kit/values";
import { visible } from "@/kit/visible";
import { Json } from "@/parts/json";
import { Template } from "@/parts/template";
import { Text } from "@/parts/text";
import { Findings } from "./findings";
import type { Version } from "./version";

export function Words({ version }: { version: Version }) {
  return (
    <div className="prompt-words">
      <div className="prompt-messages">
        {version.messages.map((message, index) => {
          const line = lineOf(message);
          return (
            <article key={index} className="prompt-message">
              <h2>{visible(message.role)}</h2>
              {line.isJson ? (
                <Text text={line.text} mono />
              ) : (
                <Template text={line.text} syntax={version.syntax} />
              )}
            </article>
          );
        })}
      </div>
      <aside className="prompt-aside" aria-label="What goes with the words">
        <Findings version={version} />
        <Variables version={version} />
        <Settings version={version} />
        {version.output_schema && (
          <Aside title="Output schema">
            <Json value={version.output_schema} open={1} />
          </Aside>
        )}
        {version.tools.length > 0 && (
          <Aside title="Tools">
            <Json value={version.tools} open={1} />
          </Aside>
        )}
        <Examples version={version} />
        {version.partials.length > 0 && (
          <Aside title="Takes in">
            {version.partials.map((one) => (
              <p key={one.ref}>
                <Link href={hrefOf(one.ref)}>{visible(one.ref)}</Link>
              </p>
            ))}
          </Aside>
        )}
        <Aside title="Digest">
          <p className="mono soft cut" title={version.digest}>
            {version.digest}
          </p>
        </Aside>
      </aside>
    </div>
  );
}

function hrefOf(ref: string): string {
  const [name = "", version = ""] = ref.split("@");
  return `/prompts/${encodeURIComponent(name)}?version=${version}`;
}

export function Aside({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Variables({ version }: { version: Version }) {
  const known = new Map(version.declared.map((one) => [one.name, one]));
  const names = [...new Set([...version.variables, ...known.keys()])];
  if (names.length === 0) return null;
  return (
    <Aside title="Variables">
      <dl className="prompt-facts">
        {names.map((name) => {
          const one = known.get(name);
          const fallback =
            one && !one.required ? `, else ${written(one.default) || "nothing"}` : "";
          return (
            <div key={name}>
              <dt className="mono">{visible(name)}</dt>
              <dd>
                {one ? one.type : "any type"}
                {visible(fallback)}
                {one?.description && <span className="soft"> {visible(one.description)}</span>}
              </dd>
            </div>
          );
        })}
      </dl>
    </Aside>
  );
}

function Settings({ version }: { version: Version }) {
  const parameters = Object.entries(version.parameters);
  return (
    <Aside title="Parameters">
      <dl className="prompt-facts">
        {parameters.map(([name, value]) => (
          <div key={name}>
            <dt className="mono">{visible(name)}</dt>
            <dd>{visible(JSON.stringify(value))}</dd>
          </div>
        ))}
      </dl>
      {parameters.length === 0 && <p className="soft">Those of the model.</p>}
      {version.syntax !== "jinja" && <p>Written in {version.syntax}.</p>}
    </Aside>
  );
}

function Examples({ version }: { version: Version }) {
  const { shots } = version;
  if (!shots) return null;
  return (
    <Aside title="Examples">
      <p>
        {shots.choose === "first"
          ? `The first ${shots.k}`
          : `The ${shots.k} nearest by ${shots.by}`}
        {shots.dataset
          ? ` of ${visible(shots.dataset)}`
          : ` of ${shots.examples.length} of its own`}
      </p>
      {shots.examples.length > 0 && <Json value={shots.examples} open={1} />}
    </Aside>
  );
}
