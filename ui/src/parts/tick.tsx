import type { Column } from "@/parts/table";

/** The first column of a list of which rows are chosen; x does the same for the row of the cursor. */
export function tick<Row>(
  isChosen: (row: Row) => boolean,
  choose: (row: Row) => void,
): Column<Row> {
  return {
    name: "Chosen",
    bare: true,
    width: "14px",
    cell: (row) => (
      <input
        type="checkbox"
        className="table-tick"
        aria-label="choose"
        tabIndex={-1}
        checked={isChosen(row)}
        onChange={() => choose(row)}
      />
    ),
  };
}
