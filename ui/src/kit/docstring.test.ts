import { expect, test } from "vitest";
import { described } from "./docstring";

const TEXT = `Share of the words that
are there.

Args:
    directory: of a model, with its
        tokenizer; needs an extra.
    corpus: texts.

>>> share("a b")
0.5`;

test("broken lines are joined, examples are kept, and parameters are told apart", () => {
  expect(described(TEXT)).toEqual({
    paragraphs: [
      { text: "Share of the words that are there.", isCode: false },
      { text: '>>> share("a b")\n0.5', isCode: true },
    ],
    parameters: {
      directory: "of a model, with its tokenizer; needs an extra.",
      corpus: "texts.",
    },
  });
});

test("nothing says nothing", () => {
  expect(described("")).toEqual({ paragraphs: [], parameters: {} });
});
