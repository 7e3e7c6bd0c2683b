import { expect, test } from "vitest";
import { difference } from "./words";

test("what two texts share stands once", () => {
  expect(difference("the old paint", "the new paint")).toEqual([
    { text: "the ", side: "both" },
    { text: "old", side: "old" },
    { text: "new", side: "new" },
    { text: " paint", side: "both" },
  ]);
});

test("texts that are too long are not compared word by word", () => {
  const long = "a ".repeat(50_000);
  expect(difference(long, `${long}b`)).toHaveLength(2);
});

test("texts with next to nothing in common are one part each", () => {
  expect(difference("The same export may be sent", "I could not find this in it")).toEqual([
    { text: "The same export may be sent", side: "old" },
    { text: "I could not find this in it", side: "new" },
  ]);
});
