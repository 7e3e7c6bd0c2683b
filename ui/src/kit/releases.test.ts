import { expect, test } from "vitest";
import { lines, moves, share } from "./releases";

const release = (route: string, version: number, state: string, live_in: string[] = []) => ({
  release_id: `${route}${version}`,
  route,
  version,
  state,
  share: null,
  live_in,
  created_ns: version,
});

test("a route waits for the newest release that is newer than what is live", () => {
  const [b, a] = lines([
    release("a", 1, "live"),
    release("b", 1, "candidate"),
    release("b", 2, "live", ["staging"]),
    release("b", 3, "canary"),
    release("b", 4, "candidate"),
  ]);
  expect([b?.route, b?.live?.version, b?.canary?.version, b?.waiting?.version]).toEqual([
    "b",
    2,
    3,
    4,
  ]);
  expect(b?.placed.map((one) => one.environment)).toEqual(["staging"]);
  expect([a?.route, a?.waiting, a?.versions]).toEqual(["a", null, 1]);
});

test.each([
  ["candidate", [], ["promote", "canary", "approve"]],
  ["canary", [], ["promote", "canary", "approve", "end_canary", "rollback"]],
  ["live", [], ["promote", "rollback"]],
  ["retired", [], []],
  ["candidate", ["staging"], ["promote", "canary", "approve", "rollback", "withdraw"]],
])("of a %s release in %j may be done %j", (state, live_in, can) =>
  expect(moves(release("a", 1, state, live_in))).toEqual(can));

test.each([
  ["5%", 0.05],
  ["5", 0.05],
  ["0.05", 0.05],
  [" 100 % ", 1],
  ["1", 1],
  ["0", null],
  ["101", null],
  ["all", null],
])("the share %s is %s", (text, value) => expect(share(text)).toBe(value));
