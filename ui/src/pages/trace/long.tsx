import { useMemo, useState } from "react";
import { beginning } from "@/kit/beginning";
import { count } from "@/kit/format";
import { Button } from "@/parts/button";
import { Text } from "@/parts/text";

/** A text with its first lines shown, the rest when it is asked for. */
export function Long({ text, lines = 18, mono }: { text: string; lines?: number; mono?: boolean }) {
  const [isWhole, setWhole] = useState(false);
  const start = useMemo(() => beginning(text, lines), [text, lines]);
  if (isWhole || start.length === text.length) return <Text text={text} mono={mono ?? false} />;
  return (
    <>
      <Text text={start} mono={mono ?? false} />
      <p className="row">
        <Button onClick={() => setWhole(true)}>Show all</Button>
        <span className="soft">{count(text.length)} characters</span>
      </p>
    </>
  );
}
