import type { ReactNode } from "react";
import "./beside.css";

/** A list, and beside it what was opened of it; the list stays as it was when that comes and goes. */
export function Beside({ list, opened }: { list: ReactNode; opened: ReactNode }) {
  return (
    <div className={opened ? "beside open" : "beside"}>
      <div className="beside-list">{list}</div>
      {opened && <div className="beside-opened">{opened}</div>}
    </div>
  );
}
