"""Words and sentences of text: what counts as one, on ordinary, multilingual and hostile input."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.measures.text import sentence_spans, sentences, words

MARKDOWN = st.lists(
    st.sampled_from(
        [
            *(
                "# T",
                "\n",
                "\n\n",
                "- ",
                "`a. B`",
                "```\n",
                "~~~",
                "| a. B |",
                ". ",
                "?! ",
                "e.g. ",
            ),
            *(
                "Word",
                "word",
                "3.11",
                "https://x.y/a.b.",
                "[t](u.v)",
                "\u3002",
                "\u0939\u0964 ",
                "  ",
            ),
        ]
    ),
    max_size=40,
).map("".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Set max_tokens=1,000 (not 2).", ["set", "max", "tokens", "1,000", "not", "2"]),
        ("Python 3.11, v1.2rc3 and x.y", ["python", "3.11", "v1.2rc3", "and", "x", "y"]),
        ("don\u2019t 'quote' dogs' ears", ["don't", "quote", "dogs", "ears"]),
        ("Stra\u00dfe CAF\u00c9 \ufb01n", ["strasse", "caf\u00e9", "fin"]),
        ("\u6771\u4eac\u306f hot", ["\u6771", "\u4eac", "\u306f", "hot"]),
        ("\u0939\u093f\u0928\u094d\u0926\u0940 \u092d\u093e\u0937\u093e", None),
        ("\ud55c\uad6d\uc5b4 \u0440\u0443\u0441\u0441\u043a\u0438\u0439", None),
        ("...!? -- \u2014 \U0001f600", []),
    ],
)
def test_words_are_what_a_reader_calls_words(text: str, expected: list[str] | None) -> None:
    assert words(text) == (text.split() if expected is None else expected)


@given(st.text())
def test_words_are_already_normalised(text: str) -> None:
    once = words(text)
    assert words(" ".join(once)) == once


@given(st.text(alphabet="abc XYZ.,'1"), st.text(alphabet="abc XYZ.,'1"))
def test_words_do_not_depend_on_case_or_spacing(first: str, second: str) -> None:
    assert words(f"{first}   {second}") == words(f"{first.upper()} \n {second}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        (
            "Dr. J. Doe paid $3.50 at 5 p.m. Then he left.",
            ["Dr. J. Doe paid $3.50 at 5 p.m.", "Then he left."],
        ),
        (
            "In the U.S. The law. In the U.S. Congress.",
            ["In the U.S.", "The law.", "In the U.S. Congress."],
        ),
        ("See Fig. 3. The rest, etc. Or not.", ["See Fig. 3.", "The rest, etc.", "Or not."]),
        ("The answer is no. No. 5 lives.", ["The answer is no.", "No. 5 lives."]),
        ("Use it, e.g. Python 3.11. Or i.e. That.", ["Use it, e.g. Python 3.11.", "Or i.e. That."]),
        ('He said "Yes." She left.', ['He said "Yes."', "She left."]),
        ("(It works.) *So.* **Well.** Good.", ["(It works.)", "*So.*", "**Well.**", "Good."]),
        ("Wait... what? Wait... Then go.", ["Wait... what?", "Wait...", "Then go."]),
        ("Run `a. B`. Then ``c` . D``. End", ["Run `a. B`.", "Then ``c` . D``.", "End"]),
        ("A lone ` tick. Two ticks.", ["A lone ` tick.", "Two ticks."]),
        (
            "See https://a.b/c?d=e. Next. (See https://x.y)",
            ["See https://a.b/c?d=e.", "Next.", "(See https://x.y)"],
        ),
        ("A [link](x.B.) stays. Yes.", ["A [link](x.B.) stays.", "Yes."]),
        ("Wrapped\nline. Next\nline.", ["Wrapped\nline.", "Next\nline."]),
        (
            "\u4eca\u5929\u3002\u597d\u5417\uff1f\u662f",
            ["\u4eca\u5929\u3002", "\u597d\u5417\uff1f", "\u662f"],
        ),
        ("\u090f\u0915\u0964 \u0926\u094b\u0964", ["\u090f\u0915\u0964", "\u0926\u094b\u0964"]),
        ("node.js and 127.0.0.1 run.", ["node.js and 127.0.0.1 run."]),
        ("- - -\n...\n***", []),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_markdown_blocks_end_sentences_and_lose_their_markers() -> None:
    text = """# Getting started

Install it. Then
run it.
- First item. With two.
  continued here
2. Second
> quoted. Words

| name | use |
|------|-----|
| a.b. C | x |

```bash
pip install x. Then
```
After the code.
"""
    assert sentences(text) == [
        "Getting started",
        "Install it.",
        "Then\nrun it.",
        "First item.",
        "With two.\n  continued here",
        "Second",
        "quoted.",
        "Words",
        "name | use",
        "a.b. C | x",
        "```bash\npip install x. Then\n```",
        "After the code.",
    ]


def test_an_unclosed_fence_is_one_piece() -> None:
    assert sentences("Look:\n```\na. B\nc. D") == ["Look:", "```\na. B\nc. D"]


@given(st.one_of(st.text(), MARKDOWN))
def test_spans_are_ordered_disjoint_and_lose_no_word(text: str) -> None:
    spans = sentence_spans(text)
    assert all(start < end for start, end in spans)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))
    assert [text[a:b] for a, b in spans] == sentences(text)
    kept = "".join(sentences(text))
    letters = [c for c in text if c.isalpha()]
    assert [c for c in kept if c.isalpha()] == letters


@pytest.mark.parametrize(
    "piece",
    [
        *(".", "`", "[", ".)", "a. ", "](", "'", "a'", "1.", "- ", "> ", "\n", "A. ", "http://"),
        *("1. ", ". ", "x 1. ", "```\n", "|", "\u3002", "*"),
    ],
)
def test_hostile_repetition_takes_linear_time(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    started = time.process_time()
    sentences(text)
    words(text)
    assert time.process_time() - started < 2.0  # a quadratic step would take minutes
