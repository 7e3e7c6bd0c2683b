import { expect, test } from "vitest";
import { split } from "./events";

test("whole events are taken, and what is not whole is kept", () => {
  const [whole, rest] = split(
    'id: 7\nevent: trace\ndata: {"a":1}\ndata: 2\n\n: a comment\r\n\r\ndata: x',
  );
  expect(whole).toEqual([{ event: "trace", id: "7", data: '{"a":1}\n2' }]);
  expect(rest).toBe("data: x");
});
