"""Columns streamed side by side by a real server, from a provider that misbehaves by name."""

from __future__ import annotations

import http.client
import json
import threading
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.playground.far import FLOOD_EVENTS, WORDS, column
from tests.processes import ServeProcess
from tests.upstream import Upstream
from tests.waiting import until

from trimtab.client import Client
from trimtab.errors import InvalidRequest, NotFound
from trimtab.kit import sse

Events = Iterable[tuple[str, dict[str, Any]]]


def told(events: Events) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """The events of each column in their order; those of the stream are under ""."""
    found = defaultdict(list)
    for name, said in events:
        found[said.get("column", "")].append((name, said))
    return found


def text(events: Events, kind: str = "text") -> str:
    return "".join(said[kind] for name, said in events if name == "delta" and kind in said)


def names(events: Events) -> list[str]:
    """The names of events, several of one kind in a row told once."""
    found: list[str] = []
    for name, _ in events:
        if found[-1:] != [name]:
            found.append(name)
    return found


def test_columns_are_told_in_order_each_with_its_figures(served: ServeProcess) -> None:
    found = told(served.client.play([column("slow"), column("plain", id="quick")]))
    assert names(found[""]) == ["opened", "done"]
    assert found[""][0][1]["columns"] == ["1", "quick"]
    for name in ("1", "quick"):
        assert names(found[name]) == ["started", "first_token", "delta", "finished"]
        assert text(found[name]) == "".join(WORDS)
        figures = found[name][-1][1]["figures"]
        assert (figures["usage"]["input"], figures["usage"]["output"]) == (11, 20)
        assert Decimal(str(figures["cost_usd"])) == Decimal("0.000051")
        assert 0 < figures["first_token_ms"] <= figures["latency_ms"]
        assert figures["tokens_per_s"] > 0
        assert figures["finish_reason"] == "stop"
    total = found[""][-1][1]
    assert (total["finished"], total["failed"], total["unpriced"]) == (2, 0, 0)
    assert Decimal(str(total["cost_usd"])) == Decimal("0.000102")


def test_what_a_column_asked_is_on_record_as_of_the_playground(served: ServeProcess) -> None:
    found = told(served.client.play([column("plain", parameters={"temperature": 0.3})]))
    figures = found["1"][-1][1]["figures"]
    (span,) = served.client.trace(figures["trace_id"])["spans"]
    assert span["span_id"] == figures["span_id"]
    assert span["attributes"]["trimtab.playground"] == found[""][0][1]["stream"]
    assert span["attributes"]["trimtab.playground.column"] == "1"
    assert span["attributes"]["trimtab.request"] == {"temperature": 0.3}


def test_tools_and_reasoning_are_told_apart_from_text(served: ServeProcess) -> None:
    found = told(served.client.play([column("tools"), column("thinker")]))
    calls = [said["tool_call"] for name, said in found["1"] if name == "delta"]
    assert (calls[0]["name"], calls[0]["id"]) == ("add", "c1")
    assert json.loads("".join(call["arguments"] for call in calls)) == {"a": 1, "b": 2}
    assert (text(found["2"], "reasoning"), text(found["2"])) == ("Let me see.", "4")


def test_a_column_that_fails_stops_no_other(served: ServeProcess) -> None:
    asked = [
        column("cut"),
        column("refuses"),
        column("nobody"),
        column("plain", prompt="no-such-prompt"),
        column("plain"),
        column("unpriced"),
    ]
    found = told(served.client.play(asked))
    ends = [found[str(place)][-1] for place in range(1, 7)]
    assert [name for name, _ in ends] == ["failed"] * 4 + ["finished"] * 2
    problems = [said["problem"] for _, said in ends[:4]]
    assert [one["title"] for one in problems] == [
        "provider error",
        "provider error",
        "not found",
        "not found",
    ]
    assert "temperature is too high" in problems[1]["detail"]
    assert text(found["1"]) == "Begun "
    # Nothing was asked for the last two that failed, and nobody knows what the unpriced one cost.
    assert [Decimal(str(said["figures"]["cost_usd"])) for _, said in ends[2:4]] == [0, 0]
    assert ends[5][1]["figures"]["cost_usd"] is None
    assert found[""][-1][1]["unpriced"] >= 1


@pytest.mark.parametrize("model", ["hang", "mute"])
def test_one_column_can_be_stopped_while_the_others_go_on(
    served: ServeProcess, far: Upstream, model: str
) -> None:
    far.client_gone.clear()
    client = Client(served.client.url)
    seen, stream = [], ""
    for name, said in client.play([column(model, id="stuck"), column("plain", id="free")]):
        seen.append((name, said))
        if name == "opened":
            stream = said["stream"]
        if name == "finished":
            path = f"/api/v1/playground/streams/{stream}/columns/stuck"
            assert served.client.delete(path)["column"] == "stuck"
    found = told(seen)
    assert found["stuck"][-1][0] == "cancelled"
    assert found["free"][-1][0] == "finished"
    assert found[""][-1] == ("done", found[""][-1][1])
    assert found[""][-1][1]["cancelled"] == 1
    gone(far)


def test_a_reader_that_leaves_cancels_everything_that_is_asked(
    served: ServeProcess, far: Upstream
) -> None:
    far.client_gone.clear()
    events = served.client.play([column("hang", f"left {place}") for place in range(5)])
    for name, said in events:
        if name == "delta" and said["column"] == "5":
            break
    before = far.open
    assert before >= 5
    events.close()  # type: ignore[attr-defined]  # a generator, told as an iterator
    gone(far)
    until(lambda: far.open <= before - 5)
    spans = wait_for_spans(served.client, "left")
    assert {span["status"] for span in spans} == {"cancelled"}
    assert len(spans) == 5
    with pytest.raises(NotFound, match="is open"):
        served.client.delete("/api/v1/playground/streams/gone")


def test_all_columns_can_be_stopped_at_once(served: ServeProcess) -> None:
    stopped: list[Any] = []
    for name, said in Client(served.client.url).play([column("hang"), column("mute")]):
        if name == "opened":
            stream = said["stream"]
        if name == "delta":
            stopped.append(served.client.delete(f"/api/v1/playground/streams/{stream}"))
        last = name, said
    assert stopped[0]["column"] is None
    assert last[0] == "done"
    assert last[1]["cancelled"] == 2


def test_sixteen_columns_at_once_and_no_more(served: ServeProcess, far: Upstream) -> None:
    asked = [column("slow", f"of {place}") for place in range(16)]
    far.peak = 0
    found = told(served.client.play(asked))
    assert [found[str(place)][-1][0] for place in range(1, 17)] == ["finished"] * 16
    assert all(text(found[str(place)]) == "".join(WORDS) for place in range(1, 17))
    assert far.peak >= 16
    assert found[""][-1][1]["finished"] == 16
    with pytest.raises(InvalidRequest, match="17 columns"):
        list(served.client.play([*asked, column("plain")]))


def test_a_reader_that_does_not_read_costs_no_memory_and_loses_nothing(
    served: ServeProcess,
) -> None:
    connection = http.client.HTTPConnection(urlsplit(served.client.url).netloc, timeout=60)
    body = json.dumps({"columns": [column("flood", "unread") for _ in range(4)]})
    connection.request("POST", "/api/v1/playground/streams", body)
    response = connection.getresponse()
    decoder = sse.Decoder()
    events = decoder.feed(response.read1(100))
    settle(served)
    # 32 MB are on their way, more than the sockets hold, so no column can have come to its end.
    assert not [
        one for one in served.client.spans(limit=50) if "unread" in json.dumps(one["input"])
    ]
    while chunk := response.read1(1 << 20):
        events += decoder.feed(chunk)
    connection.close()
    said = [(one.name, json.loads(one.data)) for one in events if one.data is not None]
    found = told(said)
    assert [len(text(found[name])) for name in "1234"] == [1000 * FLOOD_EVENTS] * 4
    assert found[""][-1][1]["finished"] == 4


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([], "0 columns"),
        ([{"model": "far/plain"}], "without words"),
        ([column("plain", id="a"), column("plain", id="a")], "there twice"),
        ([{**column("plain"), "prompt": "p", "draft": {"messages": [{"role": "user"}]}}], "both"),
        ([{**column("plain"), "modle": "x"}], "modle"),
    ],
)
def test_a_request_that_is_wrong_is_refused_whole(
    served: ServeProcess, columns: list[Any], said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        list(served.client.play(columns))


def gone(far: Upstream) -> None:
    until(far.client_gone.is_set)


def wait_for_spans(client: Client, mark: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = [one for one in client.spans(limit=200) if mark in json.dumps(one["input"])]
        return len(found) >= 5

    until(there)
    return found


def settle(served: ServeProcess) -> None:
    """Wait until the server has nothing more to do."""
    before, pause = -1, threading.Event()
    for _ in range(100):
        fields = Path(f"/proc/{served.process.pid}/stat").read_text().rpartition(")")[2].split()
        spent = int(fields[11]) + int(fields[12])  # in hundredths of a second
        if spent - before <= 2:
            return
        before = spent
        pause.wait(0.4)


def test_a_column_is_asked_as_its_caller_and_stopped_by_nobody_else(served: ServeProcess) -> None:
    issued = served.client.post(
        "/api/v1/keys", {"name": "tester", "models": ["far/plain", "far/hang"]}
    )
    own = Client(served.client.url, key=issued["secret"])
    found = told(own.play([column("plain"), column("slow")]))
    assert [found[name][-1][0] for name in ("1", "2")] == ["finished", "failed"]
    assert found["2"][-1][1]["problem"]["status"] == 403
    (span,) = served.client.trace(found["1"][-1][1]["figures"]["trace_id"])["spans"]
    assert span["attributes"]["trimtab.key"] == issued["key"]["key_id"]
    path = ""
    for name, said in own.play([column("hang")]):
        if name == "opened":
            path = f"/api/v1/playground/streams/{said['stream']}"
        if name == "delta":
            with pytest.raises(NotFound):
                served.client.delete(path)
            Client(served.client.url, key=issued["secret"]).delete(path)
    assert (name, said["cancelled"]) == ("done", 1)


def test_a_spent_budget_refuses_a_column_and_not_the_stream(served: ServeProcess) -> None:
    issued = served.client.post("/api/v1/keys", {"name": "poor"})
    terms = {"kind": "key", "name": issued["key"]["key_id"], "daily_usd": "0.00004"}
    served.client.put("/api/v1/allowances", terms)
    own = Client(served.client.url, key=issued["secret"])
    ends = [told(own.play([column("plain")]))["1"][-1] for _ in range(3)]
    assert [name for name, _ in ends][-1] == "failed"
    assert ends[-1][1]["problem"]["title"] == "budget exceeded"
