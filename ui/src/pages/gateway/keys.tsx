/** Virtual keys: whose they are, what they may do, and what is left of their budgets. */
import { useState } from "react";
import { api, type Schemas } from "@/api/client";
import { useAnswer } from "@/api/query";
import { useKeys } from "@/kit/keys";
import { useParam } from "@/kit/state";
import { Button } from "@/parts/button";
import { Empty } from "@/parts/empty";
import { Failure } from "@/parts/failure";
import { Frame } from "@/parts/frame";
import { Split } from "@/parts/split";
import { type Column, Table } from "@/parts/table";
import { Line } from "@/parts/text";
import { When } from "@/parts/when";
import { Left } from "./budget";
import { IssueKey } from "./issue";
import { KeyPane } from "./key";
import { KeyState } from "./key-state";
import { GatewaySections } from "./sections";
import "./gateway.css";

type Key = Schemas["KeyView"];

export default function Keys() {
  const [chosen, choose] = useParam("key");
  const [issuing, setIssuing] = useState(false);
  const [issued, setIssued] = useState<Schemas["IssuedKey"] | null>(null);
  const { data, error, isSuccess, refetch } = useAnswer(["keys"], (signal) =>
    api.get("/api/v1/keys", { signal }),
  );
  const keys = data?.data ?? [];
  const key = keys.find((one) => one.key_id === chosen) ?? issuedNow(issued, chosen);
  useKeys([
    { keys: "n", does: "issue a key", run: () => setIssuing(true) },
    ...(key ? [{ keys: "Escape", does: "close the key", run: () => choose("") }] : []),
  ]);
  const show = (next: Schemas["IssuedKey"]) => {
    setIssued(next);
    choose(next.key.key_id);
  };
  const list = (
    <Table
      label="Keys"
      columns={COLUMNS}
      rows={keys}
      rowKey={(one) => one.key_id}
      onOpen={(one) => choose(one.key_id === chosen ? "" : one.key_id)}
      tone={(one) => (one.key_id === chosen ? "new" : undefined)}
      empty={
        isSuccess && (
          <Empty title="No key yet" code="trimtab keys issue support-bot --team support">
            A key says who asks the gateway. Budgets and limits hold for it, its user, its team and
            its project.
          </Empty>
        )
      }
    />
  );
  return (
    <Frame
      title="Keys"
      note={data && keys.length > 0 && String(keys.length)}
      actions={
        <>
          <GatewaySections />
          <Button kind="main" onClick={() => setIssuing(true)}>
            Issue a key <kbd>n</kbd>
          </Button>
        </>
      }
    >
      {error && <Failure error={error} again={() => void refetch()} />}
      <Split
        name="keys"
        label="Width of the list of keys"
        share={54}
        left={list}
        right={
          key ? (
            <KeyPane
              key={key.key_id}
              held={key}
              secret={issued?.key.key_id === key.key_id ? issued.secret : null}
              onIssued={show}
              onTaken={() => setIssued(null)}
              onClose={() => choose("")}
            />
          ) : null
        }
      />
      {issuing && <IssueKey onIssued={show} onClose={() => setIssuing(false)} />}
    </Frame>
  );
}

/** A new key is shown before the list is there again. */
function issuedNow(issued: Schemas["IssuedKey"] | null, chosen: string): Key | undefined {
  return issued?.key.key_id === chosen ? issued.key : undefined;
}

const COLUMNS: readonly Column<Key>[] = [
  { name: "Key", width: "minmax(96px, 1.4fr)", cell: (one) => <Line text={one.name} /> },
  { name: "State", width: "72px", cell: (one) => <KeyState held={one} /> },
  { name: "Team", width: "minmax(56px, 1fr)", cell: (one) => <Line text={one.team} /> },
  { name: "User", width: "minmax(56px, 1fr)", cell: (one) => <Line text={one.user} /> },
  { name: "May ask for", width: "minmax(64px, 1fr)", cell: (one) => <Line text={asks(one)} /> },
  { name: "Left", width: "minmax(96px, 1fr)", number: true, cell: (one) => <Left of={one} /> },
  { name: "Issued", width: "56px", number: true, cell: (one) => <When ns={one.created_ns} /> },
];

const asks = (key: Key) => key.models?.join(", ") ?? "everything";
