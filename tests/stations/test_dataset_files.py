"""Files become examples: what is taken for what, and what is wrong with which row and column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trimtab.app.tables import TABLES
from trimtab.datasets.fields import parse
from trimtab.datasets.files import read_examples
from trimtab.datasets.reading import Reading
from trimtab.errors import Conflict, InvalidRequest, RequestError
from trimtab.records import Example


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path, **how: Any) -> list[Example]:
    return list(read_examples(path, Reading(**how), tables=TABLES))


CSV = 'id,question,answer,language\n1,"Which port, then?",8321,en\n2,Qual a cor?,,pt\n'
TSV = CSV.replace('"Which port, then?"', "Which port; then?").replace(",", "\t").replace(";", ",")
TAKEN = [
    Example(
        example_id="1", input="Which port, then?", expected="8321", metadata={"language": "en"}
    ),
    Example(example_id="2", input="Qual a cor?", metadata={"language": "pt"}),
]
ROWS = [
    {"id": 1, "question": "Which port, then?", "answer": "8321", "language": "en"},
    {"id": 2, "question": "Qual a cor?", "answer": None, "language": "pt"},
]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", CSV),
        ("rows.csv", "\ufeff" + CSV.replace("\n", "\r\n")),
        ("rows.tsv", TSV),
        ("rows.jsonl", "\n\n".join(map(json.dumps, ROWS))),
        ("rows.ndjson", "\ufeff" + "\r\n".join(map(json.dumps, ROWS))),
        ("rows.json", json.dumps(ROWS)),
        ("rows.json", json.dumps({"about": "ports", "examples": ROWS})),
    ],
)
def test_a_file_of_each_format_says_the_same(tmp_path: Path, name: str, content: str) -> None:
    told: list[str] = []
    path = write(tmp_path, name, content)
    assert list(read_examples(path, told=told.append)) == TAKEN
    assert told == [
        "columns: example_id is 'id', input is 'question', expected is 'answer'",
        "kept in metadata: 'language'",
    ]


def test_a_parquet_file_is_read_with_its_nested_values(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "a[1]*.parquet"
    plain = tmp_path / "plain.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT i AS id, 'question ' || i AS question, DATE '2026-01-02' AS day,"
            " {'lang': 'pt', 'n': 1.5} AS meta, ['a', 'b'] AS context"
            f" FROM range(3000) AS t(i)) TO '{plain}' (FORMAT parquet)"
        )
    plain.rename(path)
    rows = read(path)
    assert len(rows) == 3000
    assert rows[2999] == Example(
        example_id="2999",
        input="question 2999",
        context=("a", "b"),
        metadata={"lang": "pt", "n": 1.5, "day": "2026-01-02"},
    )


def test_columns_are_mapped_as_said_and_into_values(tmp_path: Path) -> None:
    row = {
        "q": {"text": "Which port?", "turns": [{"said": "first"}]},
        "docs": [{"text": "8321.", "id": "p1"}, "more"],
        "lang": "en",
        "doc.id": "ports.md",
        "labels": "easy, short",
    }
    path = write(tmp_path, "rows.jsonl", json.dumps(row))
    pairs = [
        "input=q.text",
        "expected=q.turns.0.said",
        "context=docs",
        "metadata.language=lang",
        "cluster=doc.id",
        "tags=labels",
    ]
    (found,) = read(path, columns=parse(pairs))
    assert (found.input, found.expected) == ("Which port?", "first")
    assert found.context == ("8321.", "more")
    assert (found.metadata, found.cluster) == ({"language": "en"}, "ports.md")
    assert found.tags == ("easy", "short")


def test_rows_get_ids_of_their_content_that_stay(tmp_path: Path) -> None:
    path = write(tmp_path, "rows.csv", "question\na\nb\n")
    first, second = (row.example_id for row in read(path))
    assert first != second
    assert [row.example_id for row in read(path)] == [first, second]


def test_a_field_that_only_a_later_row_has_is_a_column_too(tmp_path: Path) -> None:
    path = write(tmp_path, "rows.jsonl", '{"q": 1}\n{"question": "a"}\n{"question":"b","answer":1}')
    with pytest.raises(InvalidRequest, match=r"line 1 of rows\.jsonl has no input.*'question'"):
        read(path)
    later = write(tmp_path, "rows.jsonl", '{"question": "a"}\n{"question": "b", "answer": "c"}')
    assert [row.expected for row in read(later)] == [None, "c"]


def test_a_cell_may_hold_line_breaks_and_lists(tmp_path: Path) -> None:
    text = 'input,context,tags\n"two\nlines","[""a"", ""b""]","x, y"\n'
    (row,) = read(write(tmp_path, "rows.csv", text))
    assert (row.input, row.context, row.tags) == ("two\nlines", ("a", "b"), ("x", "y"))


@pytest.mark.parametrize(
    ("encoding", "text"), [("latin-1", "Qual é a cor?"), ("utf-16", "Qual é a cor? 👩")]
)
def test_other_encodings_are_read_when_they_are_named(
    tmp_path: Path, encoding: str, text: str
) -> None:
    path = write(tmp_path, "rows.csv", f"question\n{text}\n".encode(encoding))
    assert read(path, encoding=encoding)[0].input == text
    with pytest.raises(InvalidRequest, match="is not utf-8"):
        read(path)


MB = 1 << 20
WRONG: list[tuple[str, str, str | bytes, str, dict[str, Any]]] = [
    ("an empty file", "a.csv", "", r"a\.csv is empty", {}),
    ("a header alone", "a.csv", "question,answer\n", r"a\.csv has no rows", {}),
    ("no rows", "a.jsonl", "\n \n", r"a\.jsonl has no rows", {}),
    ("an empty list", "a.json", "[]", r"a\.json has no rows", {}),
    ("no list", "a.json", '{"input": "x"}', "holds no list of rows", {}),
    ("no format", "a.xlsx", "x", "no known format", {}),
    ("no input", "a.csv", "colour,size\nred,1\n", "no column is the input.*'colour', 'size'", {}),
    (
        "an empty cell",
        "a.csv",
        "id,question\n1,a\n2,\n",
        r"row 2 \(line 3\) of a\.csv has no input",
        {},
    ),
    ("a short row", "a.csv", "id,question\n1,a\n2\n", r"row 2 \(line 3\).* 1 cells under 2", {}),
    ("an open quote", "a.csv", 'question\na\n"b\nc\n', r"a\.csv cannot be read after row 1", {}),
    ("one name twice", "a.csv", "question,question\na,b\n", "two columns named 'question'", {}),
    ("no name", "a.csv", "question,\na,b\n", "a column without a name", {}),
    (
        "bad JSON",
        "a.jsonl",
        '{"input": "x"}\n{"input": \n',
        r"line 2 of a\.jsonl is not valid JSON",
        {},
    ),
    (
        "no object",
        "a.jsonl",
        '{"input": "x"}\n[1]\n',
        r"line 2 of a\.jsonl is no object but list",
        {},
    ),
    (
        "a misspelt field",
        "a.jsonl",
        '{"input": "x"}\n{"input": "y", "expcted": "z"}',
        r"line 2 .*'expcted'",
        {},
    ),
    (
        "a wrong type",
        "a.jsonl",
        '{"input": "x", "tags": 7}',
        r"line 1 of a\.jsonl: column 'tags' is no tags",
        {},
    ),
    (
        "a number as text",
        "a.jsonl",
        '{"input": "x"}\n{"input": 7}',
        r"line 2 .*'input' is a number, but text in line 1",
        {},
    ),
    (
        "objects and text",
        "a.jsonl",
        '{"input":"x","expected":{}}\n{"input":"y","expected":"z"}',
        "'expected' is text, but an object",
        {},
    ),
    (
        "metadata of text",
        "a.csv",
        "input,metadata\nx,y\n",
        r"row 1 .*'metadata' is no metadata",
        {},
    ),
    (
        "broken UTF-8",
        "a.csv",
        b"question\nok\n\xff\xfe\n",
        r"line 3 of a\.csv is not utf-8: byte 0xff",
        {},
    ),
    ("UTF-16", "a.csv", "question\nx\n".encode("utf-16"), "--encoding utf-16", {}),
    ("no encoding", "a.csv", "question\nx\n", "no encoding", {"encoding": "klingon"}),
    (
        "a huge cell",
        "a.csv",
        f"id,question\n1,a\n2,{'x' * 10 * MB}\n",
        r"row 2 .*'question' has 10485760 bytes; at most 1048576",
        {},
    ),
    (
        "a large value",
        "a.jsonl",
        json.dumps({"input": "x" * 2 * MB}),
        r"line 1 .*'input' has 2097152 bytes; at most 1048576",
        {},
    ),
    (
        "no such column",
        "a.csv",
        "question\nx\n",
        "no column 'answr'.*'question'",
        {"columns": {"expected": "answr"}},
    ),
    (
        "no such field",
        "a.csv",
        "question\nx\n",
        "no field 'expcted'.*expected",
        {"columns": {"expcted": "question"}},
    ),
    ("no Parquet", "a.parquet", "PAR1 or not", r"a\.parquet cannot be read as Parquet", {}),
]


@pytest.mark.parametrize(
    ("name", "content", "said", "how"), [case[1:] for case in WRONG], ids=[c[0] for c in WRONG]
)
def test_what_is_wrong_is_said_with_file_row_and_column(
    tmp_path: Path, name: str, content: str | bytes, said: str, how: dict[str, Any]
) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        read(write(tmp_path, name, content), **how)
    assert caught.value.fix
    assert len(str(caught.value)) < 1000


def test_a_large_cell_is_taken_when_the_limit_allows_it(tmp_path: Path) -> None:
    text = "x" * 10 * MB
    path = write(tmp_path, "a.csv", f"question,answer\n{text},b\n")
    with pytest.raises(InvalidRequest, match="--max-cell-bytes"):
        read(path)
    assert read(path, max_cell_bytes=10 * MB)[0].input == text


def test_a_row_that_is_there_twice_names_the_first(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "question\na\nb\na\n")
    with pytest.raises(Conflict, match=r"row 3 \(line 4\) of a\.csv is the same as row 1 "):
        read(path)


def test_an_id_used_twice_is_a_conflict_that_names_the_row(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,question\n1,a\n2,b\n1,c\n")
    with pytest.raises(
        Conflict, match=r"row 3 \(line 4\) of a\.csv has the id '1' in column 'id', which row 1"
    ):
        read(path)


def test_several_types_are_taken_when_that_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"input": "x"}\n{"input": 7}\n{"input": [1]}')
    assert [row.input for row in read(path, mixed=True)] == ["x", 7, [1]]


def test_rows_are_read_one_by_one(tmp_path: Path) -> None:
    """What is wrong at the end is found at the end; what is before it was given out."""
    rows = "".join(f'{{"input": "q{n}"}}\n' for n in range(1000))
    found = read_examples(write(tmp_path, "a.jsonl", rows + "broken"))
    assert [next(found).input for _ in range(1000)] == [f"q{n}" for n in range(1000)]
    with pytest.raises(InvalidRequest, match="line 1001"):
        next(found)


@pytest.mark.parametrize("pair", ["input", "=x", "input="])
def test_a_mapping_without_two_sides_is_refused(pair: str) -> None:
    with pytest.raises(InvalidRequest, match="FIELD=COLUMN"):
        parse([pair])
    with pytest.raises(InvalidRequest, match="twice"):
        parse(["input=a", "input=b"])
