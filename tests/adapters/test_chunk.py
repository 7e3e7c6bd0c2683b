"""Markdown is cut into passages that keep headings, sentences, rows and code blocks whole."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trimtab.errors import InvalidRequest
from trimtab.measures.text import sentences, words
from trimtab.retrievers.chunk import chunk_markdown


def texts(markdown: str, *, chunk_words: int = 120) -> list[str]:
    return [p.text for p in chunk_markdown(markdown, source="a.md", chunk_words=chunk_words)]


def ids(markdown: str, *, chunk_words: int = 120) -> list[str]:
    return [p.id for p in chunk_markdown(markdown, source="a.md", chunk_words=chunk_words)]


def headings(markdown: str) -> list[str]:
    return [p.heading for p in chunk_markdown(markdown, source="a.md")]


def prose(sentence_count: int, word: str = "word") -> str:
    """Sentences of ten words each."""
    return " ".join(f"Sentence {word} {n} " + "filler " * 6 + "end." for n in range(sentence_count))


# -- headings ----------------------------------------------------------------------------------


def test_a_passage_carries_the_path_of_its_headings() -> None:
    markdown = "# Gateway\nA.\n## Routes\nB.\n### Pins\nC.\n## Limits\nD.\n# Other\nE."
    assert headings(markdown) == [
        "Gateway",
        "Gateway > Routes",
        "Gateway > Routes > Pins",
        "Gateway > Limits",
        "Other",
    ]


def test_a_skipped_heading_level_hangs_below_the_nearest_heading_above() -> None:
    assert headings("# A\n#### Deep\nx1.\n## B\nx2.") == ["A > Deep", "A > B"]


def test_ids_are_made_of_the_github_slug_and_the_place_within_the_section() -> None:
    assert ids(
        "Before.\n# What `trimtab serve` does, and why\nText.\n## C++ & [C](x.md)\nMore."
    ) == [
        "a.md#top/0",
        "a.md#what-trimtab-serve-does-and-why/0",
        "a.md#c--c/0",
    ]


def test_repeated_headings_get_numbered_slugs() -> None:
    markdown = "# A\n## Run\nOne.\n# Run-1\nTwo.\n# B\n## Run\nThree.\n# Top\nx.\n# Top\ny."
    found = ids(markdown)
    assert len(set(found)) == len(found)
    assert found[:3] == ["a.md#run/0", "a.md#run-1/0", "a.md#run-2/0"]


def test_an_edit_in_one_section_renames_no_passage_of_another() -> None:
    before = ids("# A\n" + prose(5) + "\n# B\n" + prose(30), chunk_words=60)
    after = ids("# A\n" + prose(40) + "\n# B\n" + prose(30), chunk_words=60)
    assert [i for i in before if "#b/" in i] == [i for i in after if "#b/" in i]


@pytest.mark.parametrize(
    ("markdown", "heading", "text"),
    [
        ("Title\n=====\nText.", "Title", "Text."),
        ("Title\n-----\nText.", "Title", "Text."),
        ("## Closed ##\nText.", "Closed", "Text."),
        ("   # Indented\nText.", "Indented", "Text."),
        ("# Anchored {#own-id}\nText.", "Anchored", "Text."),
        (
            "# Links to [the guide](guide.md) and `code`\nText.",
            "Links to the guide and code",
            "Text.",
        ),
        ("#NoSpace\nText.", "", "#NoSpace\nText."),
        ("    # code, not a heading\n\nText.", "", "    # code, not a heading\n\nText."),
        ("- item\n---\nText.", "", "- item\n---\nText."),
        ("Two lines\nof text\n---\nText.", "", "Two lines\nof text\n---\nText."),
    ],
)
def test_headings_are_recognised_as_markdown_writes_them(
    markdown: str, heading: str, text: str
) -> None:
    passages = chunk_markdown(markdown, source="a.md")
    assert [(p.heading, p.text) for p in passages] == [(heading, text)]


# -- size --------------------------------------------------------------------------------------


def test_a_long_section_is_cut_into_equal_parts_near_the_target() -> None:
    sizes = [len(words(text)) for text in texts("# A\n" + prose(100), chunk_words=120)]
    assert len(sizes) == 8  # 1,000 words / 120 = 8.3
    assert all(110 <= size <= 140 for size in sizes)


def test_a_section_a_little_over_the_target_stays_whole() -> None:
    assert len(texts(prose(15), chunk_words=120)) == 1


@given(st.integers(1, 60), st.integers(5, 80))
def test_no_sentence_is_cut_lost_or_repeated(count: int, chunk_words: int) -> None:
    text = prose(count)
    found = [s for piece in texts(text, chunk_words=chunk_words) for s in sentences(piece)]
    assert found == sentences(text)


def test_a_line_that_never_ends_a_sentence_is_cut_at_white_space() -> None:
    line = "word " * 50_000
    pieces = texts(line, chunk_words=100)
    assert max(len(words(piece)) for piece in pieces) <= 200
    assert sum(len(words(piece)) for piece in pieces) == 50_000


@pytest.mark.parametrize("hostile", ["<!--", "# x\n", "`", "|a|\n", "[", "- a\n", "---\n", "~~~\n"])
def test_the_time_is_about_linear_in_the_length(hostile: str) -> None:
    started = time.process_time()
    chunk_markdown(hostile * (200_000 // len(hostile)), source="a.md")
    assert time.process_time() - started < 5


def test_a_chunk_size_below_one_word_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="at least 1"):
        chunk_markdown("x", source="a.md", chunk_words=0)


# -- blocks ------------------------------------------------------------------------------------

CODE = "```python\n# not a heading\n" + "x = 1  # a sentence. Another.\n" * 60 + "```"


INDENTED = "\n".join("    " + line for line in CODE.split("\n"))


@pytest.mark.parametrize(
    "code",
    [
        CODE,
        CODE.replace("```", "~~~~"),
        INDENTED,
        INDENTED.replace("```", ""),
        "    first = 1. And\n\n\n    " + "second = 2. More words here.\n    " * 50,
    ],
)
@pytest.mark.parametrize("before", ["", "- In a list:"])
def test_a_code_block_is_never_cut(before: str, code: str) -> None:
    pieces = texts(f"# A\n{prose(8)}\n\n{before}\n\n{code}\n\n{prose(8)}", chunk_words=20)
    assert len(pieces) > 5
    assert sum(code.strip() in piece for piece in pieces) == 1


def test_headings_and_comments_inside_code_are_code() -> None:
    assert texts("# A\n```\n# b\n<!-- c -->\n```") == ["```\n# b\n<!-- c -->\n```"]


def test_a_fence_that_is_never_closed_runs_to_the_end() -> None:
    assert texts("# A\n```\n# b\nx. Y.\n") == ["```\n# b\nx. Y."]


def test_inline_code_with_three_ticks_opens_no_block() -> None:
    assert headings("# A\n```x``` is code.\n# B\nText.") == ["A", "B"]


def table(rows: int) -> str:
    body = "".join(f"| key{n} | some words about key {n}. And more. |\n" for n in range(rows))
    return f"| Key | Meaning |\n|---|:---:|\n{body}"


def test_rows_of_a_table_are_whole_and_a_cut_table_repeats_its_head() -> None:
    pieces = texts("# A\n" + table(40), chunk_words=60)
    assert len(pieces) > 3
    for piece in pieces:
        lines = piece.split("\n")
        assert lines[:2] == ["| Key | Meaning |", "|---|:---:|"]
        assert all(line.startswith("| key") and line.endswith("|") for line in lines[2:])
    rows = [line for piece in pieces for line in piece.split("\n")[2:]]
    assert rows == table(40).strip().split("\n")[2:]


def test_list_items_keep_their_markers() -> None:
    items = "".join(f"{n}. Do thing {n} with some words.\n" for n in range(1, 40))
    pieces = texts("# A\n" + items, chunk_words=30)
    assert len(pieces) > 3
    assert "\n".join(pieces) + "\n" == items


# -- what is left out --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "markdown",
    [
        "---\ntitle: T\ntags: [a]\n---\nText.",
        "+++\ntitle = 'T'\n+++\nText.",
        "---\ntitle: T\n...\nText.",
        "\ufeff---\r\ntitle: T\r\n---\r\nText.\r\n",
        "<!-- note -->\nText.",
        "<!--\n# Hidden\nnote.\n-->\nText.",
        "<!-- a --><!-- b -->Text.<!-- c -->",
    ],
)
def test_front_matter_and_comments_are_left_out(markdown: str) -> None:
    assert [(p.text, p.heading) for p in chunk_markdown(markdown, source="a.md")] == [("Text.", "")]


@pytest.mark.parametrize(
    "markdown",
    [
        "---\nText.",
        "---\n\nText one.\n\n---\nText two.",
        "Use `<!--` to hide.",
        "A <!-- never closed.",
    ],
)
def test_rules_code_spans_and_unclosed_comments_are_text(markdown: str) -> None:
    assert "".join(texts(markdown)) == markdown


@pytest.mark.parametrize(
    "markdown", ["", "\n\n", "   ", "# Only\n## Headings", "---", "\ufeff", "\r\n"]
)
def test_a_document_without_text_has_no_passages(markdown: str) -> None:
    assert texts(markdown) == []


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_make_no_difference(end: str) -> None:
    markdown = f"# A\n{prose(3)}\n\n{CODE}\n\n{table(5)}\n## B\n- one\n- two"
    assert chunk_markdown(markdown.replace("\n", end), source="a.md") == chunk_markdown(
        markdown, source="a.md"
    )


# -- any document ------------------------------------------------------------------------------

PLAIN = "# A,## B,Text. More here.,,```,~~~,    code,- item,<!--,-->,x <!-- y --> z,---,===,1. One."
LINES = st.sampled_from([*PLAIN.split(","), "> Quote.", "\ttab", "| a | b |", "|---|---|"])


@given(st.lists(LINES, max_size=30).map("\n".join), st.integers(1, 30))
@example("---\n---\n---", 1)
def test_passages_of_any_document_have_unique_ids_and_text_from_it(
    markdown: str, chunk_words: int
) -> None:
    passages = chunk_markdown(markdown, source="a.md", chunk_words=chunk_words)
    assert len({p.id for p in passages}) == len(passages)
    for passage in passages:
        assert re.fullmatch(r"a\.md#[^/]*/\d+", passage.id)
        assert passage.text.strip()
        assert set(words(passage.text)) <= set(words(markdown))


@given(st.text(max_size=300), st.integers(1, 30))
def test_no_text_breaks_the_chunker(text: str, chunk_words: int) -> None:
    for passage in chunk_markdown(text, source="a.md", chunk_words=chunk_words):
        assert passage.text == passage.text.strip("\n").rstrip()
