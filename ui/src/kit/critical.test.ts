import { describe, expect, test } from "vitest";
import { critical } from "./critical";
import { columns, type Told } from "./told";
import { grown } from "./tree";

describe("the critical path", () => {
  const cases: [string, Told[], Record<string, [number, number][]>][] = [
    ["of one span is all of it", [["root", null, 0, 9]], { root: [[0, 9]] }],
    [
      "is what the end waited for: the last to end, and what ended before that began",
      [
        ["root", null, 0, 100],
        ["a", 0, 0, 30],
        ["b", 0, 10, 60],
        ["c", 0, 75, 20],
      ],
      {
        root: [
          [0, 10],
          [70, 75],
          [95, 100],
        ],
        b: [[10, 70]],
        c: [[75, 95]],
      },
    ],
    [
      "cuts a span that outlives its parent",
      [
        ["root", null, 0, 10],
        ["late", 0, 4, 50],
      ],
      { root: [[0, 4]], late: [[4, 10]] },
    ],
    [
      "goes from root to root",
      [
        ["one", null, 0, 10],
        ["two", null, 20, 10],
      ],
      { one: [[0, 10]], two: [[20, 30]] },
    ],
  ];
  test.each(cases)("%s", (_, told, path) => {
    const grows = grown(columns(told));
    const found = [...critical(grows)].map(([at, own]) => [grows.nodes[at]?.id, own]);
    expect(Object.fromEntries(found)).toEqual(path);
  });
  test("adds up to the whole where one root covers it, whatever is below", () => {
    const told: Told[] = [["root", null, 0, 1000]];
    for (let n = 1; n < 200; n++) told.push([`s${n}`, (n * 7) % n, (n * 37) % 800, (n * 53) % 190]);
    const sum = [...critical(grown(columns(told))).values()]
      .flat()
      .reduce((all, [from, to]) => all + to - from, 0);
    expect(sum).toBe(1000);
  });
});
