import type { Schemas } from "@/api/client";
import { count } from "@/kit/format";
import { said } from "@/kit/turns";
import { visible } from "@/kit/visible";
import { Line } from "@/parts/text";

const SHOWN = 6;

/** The first rows as they would be stored, or as they are in the file where they cannot be. */
export function Preview({ seen }: { seen: Schemas["FilePreview"] }) {
  const examples = seen.examples ?? [];
  return (
    <>
      {seen.problem && (
        <p role="alert" className="datasets-problem">
          {seen.fields?.input
            ? `${visible(seen.problem)}. ${seen.fix ? `To do: ${visible(seen.fix)}.` : ""}`
            : "No column is known to be the input: choose it above."}
        </p>
      )}
      {examples.length > 0 ? (
        <Rows
          caption={`The first of ${count(seen.rows)} rows`}
          columns={["Input", "Expected", "Cluster", "Split"]}
          rows={examples.map((row) => [
            said(row.input),
            said(row.expected),
            row.cluster ?? "",
            row.split ?? "",
          ])}
        />
      ) : (
        <Rows
          caption="The first rows as they are in the file"
          columns={seen.columns.slice(0, 6)}
          rows={seen.first.map((row) =>
            seen.columns.slice(0, 6).map((column) => said((row as never)[column])),
          )}
        />
      )}
    </>
  );
}

function Rows(props: { caption: string; columns: readonly string[]; rows: readonly string[][] }) {
  return (
    <table className="datasets-preview">
      <caption className="soft">{props.caption}</caption>
      <thead>
        <tr>
          {props.columns.map((column) => (
            <th key={column} className="cut">
              {visible(column)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {props.rows.slice(0, SHOWN).map((row, index) => (
          <tr key={index}>
            {row.map((cell, at) => (
              <td key={props.columns[at]} className="cut">
                <Line text={cell} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
