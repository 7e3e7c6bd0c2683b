"""The semantic cache: what is similar enough, for whom, and what never is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.stations.caching import CARD, CHAT, Cached, ann, answered, body, cached
from tests.stations.embedding import Vectors, cosine
from tests.stations.wiring import Script, in_loop, replies

from trimtab.errors import ProviderUnavailable
from trimtab.gateway.embedding import AskedEmbedder
from trimtab.gateway.neighbours import Neighbours, facts, unit
from trimtab.records import ModelCard, Price, Route
from trimtab.records.route import CacheSettings

ASKED = "Which port does the widget server listen on"
CLOSE = "Which port does the big widget server listen on"
FAR = "What colour is a widget painted before it is shipped"
MODEL = "vec/small"
FLOOR = 0.9


def similar(floor: float = FLOOR, **settings: Any) -> Route:
    return msgspec.structs.replace(CHAT, cache=CacheSettings(similarity=floor, **settings))


@asynccontextmanager
async def semantic(data: Path, route: Route | None = None) -> AsyncIterator[tuple[Cached, Vectors]]:
    price = Price(input=Decimal(1_000))
    vectors = Vectors(cards=[ModelCard(id=MODEL, provider="vec", price=price)])
    far = Script(cards=[CARD])
    far.play(*[replies(answered(str(n))) for n in range(20)])
    async with cached(data, far, vectors, route=route or similar()) as room:
        room.cache.embedder = partial(AskedEmbedder, room.gateway.ask, MODEL)
        yield room, vectors


def test_a_similar_question_gets_the_answer_of_the_first(tmp_path: Path) -> None:
    async def work() -> None:
        async with semantic(tmp_path) as (room, vectors):
            assert await room.put(body(ASKED)) == ("miss", answered("0"))
            assert await room.put(body(CLOSE)) == ("semantic", answered("0"))
            assert await room.put(body(ASKED)) == ("hit", answered("0"))
            assert await room.put(body(FAR)) == ("miss", answered("1"))
            assert len(vectors.calls) == 3  # not for an equal request
            chats = [span for span in await room.spans() if span.kind == "llm"]
            _, found, *_ = chats
            assert found.attributes["trimtab.cache"] == "semantic"
            close = found.attributes["trimtab.cache.similarity"]
            assert close == pytest.approx(cosine(ASKED, CLOSE), abs=1e-4)
            assert (found.cost_usd, found.usage) == (0, None)

    in_loop(work)


@pytest.mark.parametrize(("below", "verdict"), [(1e-3, "semantic"), (-1e-3, "miss")])
def test_the_floor_is_where_the_route_puts_it(tmp_path: Path, below: float, verdict: str) -> None:
    floor = cosine(ASKED, CLOSE) - below

    async def work() -> None:
        async with semantic(tmp_path, similar(floor)) as (room, _):
            await room.put(body(ASKED))
            assert (await room.put(body(CLOSE)))[0] == verdict

    in_loop(work)


PAIRS = [
    ("Is port 80 open on the widget server", "Is port 443 open on the widget server"),
    ("Add 2 and 3 and then take it away", "Add 3 and 2 and then take it away"),
    ("What is -5 plus one plus one more", "What is 5 plus one plus one more"),
    ("May a widget be painted green today", "May a widget not be painted green today"),
    ("A widget is painted green by us", "A widget isn't painted green by us"),
    ("Ship it with a green box and a lid", "Ship it without a green box and a lid"),
    ("Is room ١٢ free for all of us now", "Is room ١٣ free for all of us now"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_numbers_and_negations_are_never_taken_for_each_other(
    tmp_path: Path, one: str, other: str
) -> None:
    assert cosine(one, other) > 0.6

    async def work() -> None:
        async with semantic(tmp_path, similar(0.5)) as (room, _):
            await room.put(body(one))
            assert (await room.put(body(other)))[0] == "miss"
            assert (await room.put(body(f"please {other}")))[0] == "semantic"

    in_loop(work)


@pytest.mark.parametrize(
    ("shared", "second", "verdict"),
    [(False, "ann", "semantic"), (False, "bob", "miss"), (True, "bob", "semantic")],
)
def test_users_do_not_meet_unless_the_route_shares(
    tmp_path: Path, *, shared: bool, second: str, verdict: str
) -> None:
    async def work() -> None:
        async with semantic(tmp_path, similar(shared=shared)) as (room, _):
            await room.put(body(ASKED))
            assert (await room.put(body(CLOSE), ann(user=second)))[0] == verdict

    in_loop(work)


def asking(last: Any, *before: Any, **fields: Any) -> bytes:
    messages = [*before, {"role": "user", "content": last}]
    return json.dumps({"model": "chat", "messages": messages, **fields}).encode()


SYSTEM = {"role": "system", "content": "Be brief."}
TEXT, IMAGE = {"type": "text", "text": ASKED}, {"type": "image_url", "image_url": {"url": "u"}}


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (asking(ASKED), asking(CLOSE, temperature=0), "miss"),
        (asking(ASKED, SYSTEM), asking(CLOSE), "miss"),
        (asking(ASKED, SYSTEM), asking(CLOSE, SYSTEM), "semantic"),
        (asking(ASKED), asking([{**TEXT, "text": CLOSE}]), "miss"),
        (asking([TEXT, IMAGE]), asking([{**TEXT, "text": CLOSE}, IMAGE]), "semantic"),
        (asking([TEXT]), asking([{**TEXT, "text": CLOSE}, IMAGE]), "miss"),
        (asking([TEXT, TEXT]), asking([TEXT, {**TEXT, "text": CLOSE}]), "miss"),
        (asking("  "), asking(" "), "miss"),
        (asking(ASKED + " x" * 5000), asking(CLOSE + " x" * 5000), "miss"),
        (asking(ASKED, stream=True), asking(CLOSE), "semantic"),
    ],
)
def test_only_the_last_words_of_the_user_may_differ(
    tmp_path: Path, first: bytes, second: bytes, verdict: str
) -> None:
    async def work() -> None:
        async with semantic(tmp_path) as (room, _):
            await room.put(first)
            assert (await room.put(second))[0] == verdict

    in_loop(work)


BROKEN = [
    ProviderUnavailable("away"),
    b"no JSON",
    b'{"data": []}',
    b'{"data": [{"embedding": []}]}',
    b'{"data": [{"embedding": [0.0, 0.0]}]}',
    b'{"data": [{"embedding": [1e999]}]}',
    b'{"data": [{"embedding": ["a"]}]}',
]


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_an_embedder_that_fails_makes_a_miss_and_no_error(tmp_path: Path, broken: Any) -> None:
    async def work() -> None:
        async with semantic(tmp_path) as (room, vectors):
            vectors.broken = broken
            assert (await room.put(body(ASKED)))[0] == "miss"
            assert (await room.put(body(CLOSE)))[0] == "miss"
            assert (await room.put(body(ASKED)))[0] == "hit"
            vectors.broken = None
            # What was answered without a vector is found by equal requests only.
            assert (await room.put(body(f"{CLOSE} now")))[0] == "miss"
            assert (await room.put(body(f"{ASKED} now")))[0] == "semantic"

    in_loop(work)


def test_vectors_of_another_length_are_not_compared(tmp_path: Path) -> None:
    async def work() -> None:
        async with semantic(tmp_path) as (room, vectors):
            await room.put(body(ASKED))
            vectors.broken = b'{"data": [{"embedding": [1, 2, 3]}]}'
            assert (await room.put(body(CLOSE)))[0] == "miss"
            assert (await room.put(body(f"{CLOSE} now")))[0] == "semantic"

    in_loop(work)


def test_the_embedding_is_on_record_and_costs_what_it_costs(tmp_path: Path) -> None:
    async def work() -> None:
        async with semantic(tmp_path) as (room, _):
            await room.put(body(ASKED), ann(key="k"))
            spans = await room.spans()
            (embedding,) = [span for span in spans if span.kind == "embedding"]
            assert (embedding.model, embedding.cost_usd) == (MODEL, Decimal("0.007"))
            assert embedding.attributes["trimtab.purpose"] == "cache"
            assert "trimtab.key" not in embedding.attributes
            assert embedding.user is None

    in_loop(work)


def test_without_a_floor_no_text_is_embedded(tmp_path: Path) -> None:
    async def work() -> None:
        async with semantic(tmp_path, CHAT) as (room, vectors):
            await room.put(body(ASKED))
            assert (await room.put(body(CLOSE)))[0] == "miss"
            assert vectors.calls == []

    in_loop(work)


def test_equal_requests_at_once_are_embedded_once(tmp_path: Path) -> None:
    async def work() -> None:
        async with semantic(tmp_path) as (room, vectors):
            await room.put(body(ASKED))
            found = await asyncio.gather(*[room.put(body(CLOSE)) for _ in range(10)])
            assert {verdict for verdict, _ in found} == {"semantic"}
            assert len(vectors.calls) == 2

    in_loop(work)


def test_what_gave_way_is_not_found_by_similar_requests_either(tmp_path: Path) -> None:
    async def work() -> None:
        async with semantic(tmp_path) as (room, _):
            await room.put(body(ASKED))
            room.cache.clear("default")
            assert (await room.put(body(CLOSE)))[0] == "miss"
            assert room.cache.counts.answers == 1

    in_loop(work)


# -- neighbours --------------------------------------------------------------------------------


@given(
    arrays.arrays(np.float64, (30, 5), elements=st.floats(-1, 1, width=32)),
    st.lists(st.integers(0, 29), max_size=20),
)
def test_the_nearest_is_what_a_loop_over_all_finds(rows: Any, removed: list[int]) -> None:
    units = [unit(row) for row in rows.tolist()]
    known = {n: one for n, one in enumerate(units) if one is not None}
    neighbours = Neighbours()
    for n, one in known.items():
        neighbours.add(str(n), "text", one)
    for n in removed:
        neighbours.remove(str(n))
        known.pop(n, None)
    assert len(neighbours) == len(known)
    wanted = unit([1.0, 2.0, 3.0, 4.0, 5.0])
    assert wanted is not None
    near = neighbours.nearest("text", wanted, floor=0.5)
    best = max((float(one @ wanted) for one in known.values()), default=0.0)
    if near is None:
        assert best < 0.5 + 1e-6
    else:
        assert near.similarity == pytest.approx(best, abs=1e-5)
        assert float(known[int(near.key)] @ wanted) == pytest.approx(best, abs=1e-5)


def test_of_too_many_texts_the_oldest_give_way() -> None:
    neighbours = Neighbours(most=4)
    rows = [unit([float(n == at) for at in range(10)]) for n in range(10)]
    for n, row in enumerate(rows):
        assert row is not None
        neighbours.add(str(n), "t", row)
    found = [neighbours.nearest("t", row, floor=0.9) for row in rows if row is not None]
    assert [near.key if near else None for near in found] == [None] * 6 + ["6", "7", "8", "9"]
    assert len(neighbours) == 4


def test_the_same_key_is_one_text() -> None:
    neighbours = Neighbours()
    for values in ([1.0, 0.0], [0.0, 1.0]):
        row = unit(values)
        assert row is not None
        neighbours.add("k", "t", row)
    assert len(neighbours) == 1
    east, north = unit([1.0, 0.0]), unit([0.0, 1.0])
    assert east is not None
    assert north is not None
    assert neighbours.nearest("t", east, floor=0.9) is None
    assert neighbours.nearest("t", north, floor=0.9) is not None


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("It\u2019s 5 o'clock, isn\u2019t it", "Is it 5 o'clock, or isn't it"),
        ("+5", "5"),
        ("\u22125", "-5"),
        ("\uff11\uff12", "12"),
        ("Room 12", "Room 12?"),
    ],
)
def test_spellings_of_one_number_or_negation_are_one(text: str, same: str) -> None:
    assert facts(text) == facts(same)
