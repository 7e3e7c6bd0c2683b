/** One span of two traces: its texts word by word, and which of its fields changed. */
import { useMemo } from "react";
import { useRelease } from "@/api/releases";
import type { Pair } from "@/kit/align";
import { plain } from "@/kit/turns";
import { Failure } from "@/parts/failure";
import { Line } from "@/parts/text";
import { Words } from "@/parts/words";
import { type Span, useSpan } from "./data";
import { Long } from "./long";
import { Section } from "./section";
import "./span.css";

const FIELDS = ["status", "error", "model", "provider", "prompt", "release", "route"] as const;

export function Changed(props: { pair: Pair; old_id: string; now_id: string }) {
  const { old, now } = props.pair;
  return (
    <section className="trace-pane" aria-label="The chosen span in both traces">
      <header className="trace-pane-head">
        <h2 className="cut grow">
          <Line text={(now ?? old)?.name} />
        </h2>
      </header>
      <div className="trace-pane-body">
        {old && now ? (
          <Both old_id={props.old_id} now_id={props.now_id} old={old.id} now={now.id} />
        ) : (
          <Only
            trace_id={now ? props.now_id : props.old_id}
            span_id={(now ?? old)?.id ?? ""}
            isNew={now !== null}
          />
        )}
      </div>
    </section>
  );
}

function Both(props: { old_id: string; now_id: string; old: string; now: string }) {
  const old = useSpan(props.old_id, props.old);
  const now = useSpan(props.now_id, props.now);
  const error = old.answer.error ?? now.answer.error;
  if (error) return <Failure error={error} />;
  if (!old.isThere || !now.isThere || !old.span || !now.span) return null;
  return <Compared old={old.span} now={now.span} />;
}

function Compared({ old, now }: { old: Span; now: Span }) {
  const [before, after] = [useRelease(old.release).name, useRelease(now.release).name];
  const [was, is] = [
    { ...old, release: before },
    { ...now, release: after },
  ];
  const fields = FIELDS.filter((name) => was[name] !== is[name]);
  const key = `${old.span_id} ${now.span_id}`;
  return (
    <div className="stack">
      {fields.length > 0 && (
        <dl className="diff-fields">
          {fields.map((name) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <Words old={was[name] ?? "none"} now={is[name] ?? "none"} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      <Side key={`${key} input`} title="Input" old={old.input} now={now.input} />
      <Side key={`${key} output`} title="Output" old={old.output} now={now.output} />
      <Side key={`${key} rest`} title="Attributes" old={old.attributes} now={now.attributes} />
    </div>
  );
}

function Side({ title, old, now }: { title: string; old: unknown; now: unknown }) {
  const [was, is] = useMemo(() => [plain(old), plain(now)], [old, now]);
  const isSame = was === is;
  return (
    <Section
      title={title}
      open={!isSame}
      note={<span className="soft">{isSame ? "the same" : "changed"}</span>}
    >
      {isSame ? <Long text={is} /> : <Words old={was} now={is} />}
    </Section>
  );
}

function Only(props: { trace_id: string; span_id: string; isNew: boolean }) {
  const { span, isThere } = useSpan(props.trace_id, props.span_id);
  return (
    <div className="stack">
      <p>
        {props.isNew ? "Only the new trace has this span." : "Only the old trace has this span."}
      </p>
      {isThere && span && (
        <>
          <Section title="Input" open>
            <Long text={plain(span.input)} />
          </Section>
          <Section title="Output" open>
            <Long text={plain(span.output)} />
          </Section>
        </>
      )}
    </div>
  );
}
