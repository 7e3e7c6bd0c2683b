import { count } from "./format";

/** So many of something: "1 row", "2 rows", "59.1 k rows". */
export function many(size: number, one: string, more = `${one}s`): string {
  return `${count(size)} ${size === 1 ? one : more}`;
}
