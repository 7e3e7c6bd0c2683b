"""A trace in columns over HTTP: every span once, its parent by place, its cost by bucket."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from typing import Any

import pytest
from tests.api.problems import problem
from tests.serving import Served

from trimtab.api.packed import codings
from trimtab.models import Prices
from trimtab.ports import SpanHead
from trimtab.records import Usage
from trimtab.tracing.tree import columns, cost_split

NS = 1_767_225_600_000_000_000
PORT = "Which port does the widget server listen on?"


def head(id: str, parent: str | None = None, at_us: int = 0, **fields: Any) -> SpanHead:
    plain: dict[str, Any] = {
        "span_id": id,
        "parent_id": parent,
        "name": f"span {id}",
        "kind": "llm",
        "start_ns": NS + at_us * 1000,
        "end_ns": NS + at_us * 1000 + 5_000,
        "status": "ok",
        "error": None,
        "open": False,
        "provider": "openai",
        "model": "gpt-4o-mini",
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": None,
        "first_token_ns": None,
    }
    return SpanHead(**{**plain, **fields})


def test_a_tree_says_what_the_spans_say(widgets: Served) -> None:
    trace_id = widgets.client.chat("widgets", PORT)["trace_id"]
    told = widgets.client.get(f"/api/v1/traces/{trace_id}/tree")
    spans = widgets.client.trace(trace_id)["spans"]
    found = told["columns"]
    assert found["span_ids"] == [span["span_id"] for span in spans]
    for place, span in enumerate(spans):
        parent = found["parents"][place]
        assert (parent is None) == (span["parent_id"] is None)
        assert parent is None or found["span_ids"][parent] == span["parent_id"]
        for field in ("names", "kinds", "models", "statuses", "errors"):
            at = found[field]["at"][place]
            name = {"statuses": "status"}.get(field, field.removesuffix("s"))
            assert (None if at is None else found[field]["values"][at]) == span[name]
        assert found["start_us"][place] == (span["start_ns"] - spans[0]["start_ns"]) // 1000
        assert found["duration_us"][place] == (span["end_ns"] - span["start_ns"]) // 1000
        assert found["cost_usd"][place] == span["cost_usd"]
    assert told["summary"]["route"] == "widgets"
    assert told["summary"]["spans"] == len(spans)
    (model,) = [span for span in spans if span["kind"] == "llm"]
    used = {part["bucket"]: part["tokens"] for part in told["costs"]}
    assert used == {"input": model["usage"]["input"], "output": model["usage"]["output"]}
    path = f"/api/v1/traces/{trace_id}/spans/{model['span_id']}/cost"
    cost = widgets.client.get(path)
    assert (cost["cost_usd"], cost["source"]) == (model["cost_usd"], model["cost_source"])


def test_a_long_answer_is_packed_for_those_who_take_it(widgets: Served) -> None:
    lines = []
    for n in range(400):
        parent = {"parent_id": f"{1:016x}"} if n else {}
        span = {"trace_id": "c0" * 16, "span_id": f"{n + 1:016x}", "name": f"step {n}", **parent}
        lines.append(json.dumps({**span, "start_ns": NS + n, "end_ns": NS + n + 5}))
    body = "\n".join(lines).encode()
    assert widgets.ask("POST", "/api/v1/import?from=trimtab", body).json["refused"] == 0
    path = f"/api/v1/traces/{'c0' * 16}/tree"
    plain = widgets.ask("GET", path)
    packed = widgets.ask("GET", path, headers={"accept-encoding": "br, gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "accept-encoding"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2


def test_what_is_not_there_is_not_found(widgets: Served) -> None:
    problem(widgets.ask("GET", f"/api/v1/traces/{'ab' * 16}/tree"), 404)
    problem(widgets.ask("GET", f"/api/v1/traces/{'ab' * 16}/spans/{'ab' * 8}/cost"), 404)
    problem(widgets.ask("GET", "/api/v1/traces/x/tree"), 400, where="trace_id")


@pytest.mark.parametrize(
    ("parents", "expected", "orphans"),
    [
        ({"a": None, "b": "a", "c": "b"}, (None, 0, 1), ()),
        ({"a": None, "b": "gone"}, (None, None), (1,)),
        ({"a": "a"}, (None,), (0,)),
        ({"a": "c", "b": "a", "c": "b"}, (None, 0, 1), (0,)),
        ({"a": None, "b": "c", "c": "b", "d": "c"}, (None, None, 1, 2), (1,)),
    ],
)
def test_every_span_has_a_way_to_a_root(
    parents: dict[str, str | None], expected: tuple[int | None, ...], orphans: tuple[int, ...]
) -> None:
    heads = [head(span, parent, at) for at, (span, parent) in enumerate(parents.items())]
    found = columns(heads)
    assert (found.parents, found.orphans) == (expected, orphans)


def test_a_cost_is_split_by_bucket_where_the_table_made_it() -> None:
    price = Prices.shipped().lookup
    table: dict[str, Any] = {
        "usage": Usage(input=1_000, cache_read=2_000, output=100),
        "cost_source": "table",
    }
    both = cost_split([head("a", **table), head("b", **table)], price)
    assert [(part.bucket, part.tokens, part.cost_usd) for part in both] == [
        ("input", 2_000, Decimal("0.0003")),
        ("cache_read", 4_000, Decimal("0.0003")),
        ("output", 200, Decimal("0.00012")),
    ]
    given: dict[str, Any] = {
        "usage": Usage(input=10),
        "cost_source": "given",
        "cost_usd": Decimal(1),
    }
    mixed = cost_split([head("a", **table), head("b", **given)], price)
    assert [(part.bucket, part.tokens, part.cost_usd is None) for part in mixed] == [
        ("input", 1_010, True),
        ("cache_read", 2_000, False),
        ("output", 100, False),
    ]


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ("", {""}),
        ("gzip, br", {"gzip", "br"}),
        ("GZIP;q=0.5, br;q=0", {"gzip"}),
        ("identity;q=0.0", set()),
    ],
)
def test_codings_are_read_as_they_are_sent(sent: str, taken: set[str]) -> None:
    assert codings({"accept-encoding": sent}) == taken
