"""What the SDK sends is what a real Trimtab shows: kinds, messages, tokens, context, scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sdk.anthropic_fake import messages
from tests.sdk.openai_fake import openai_api
from tests.sdk.programs import Programs
from tests.serving import Served, configured, served
from tests.upstream import upstream_in_thread

APP = """
import openai, anthropic
client = openai.OpenAI(base_url=os.environ["OPENAI"], api_key="k")
claude = anthropic.Anthropic(base_url=os.environ["ANTHROPIC"], api_key="k")

@trimtab.trace(kind="tool")
def look(q):
    return {"port": 7711}

@trimtab.trace(kind="agent")
def answer(question):
    ask = [{"role": "user", "content": question}]
    stream = client.chat.completions.create(
        model="m", messages=ask, stream=True, stream_options={"include_usage": True})
    said = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
    claude.messages.create(model="c", max_tokens=9, system="Brief.", messages=ask)
    look("ports")
    with trimtab.span("rank", kind="reranker") as s:
        s.set(input=["a"], output=["b"], metadata={"k": 3})
    trimtab.score("helpful", True, reason="said so")
    return said

with trimtab.session("s42"), trimtab.user("u7"), trimtab.tags("beta"), trimtab.metadata(plan="pro"):
    answer("Which port?")
assert trimtab.flush()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(configured(tmp_path / "data")) as running:
        yield running


def test_a_trace_and_its_scores_are_read_back(server: Served, tmp_path: Path) -> None:
    programs = Programs(server.url, tmp_path)
    with (
        upstream_in_thread(handler=openai_api) as openai,
        upstream_in_thread(handler=messages) as anthropic,
    ):
        done = programs.run(APP, OPENAI=openai.base_url, ANTHROPIC=anthropic.url)
    assert (done.returncode, done.stderr) == (0, "")
    (summary,) = server.client.traces()
    trace = server.client.trace(summary["trace_id"])
    spans = {span["name"]: span for span in trace["spans"]}
    kinds = {name: span["kind"] for name, span in spans.items()}
    assert kinds == {
        "answer": "agent",
        "chat m": "llm",
        "chat c": "llm",
        "look": "tool",
        "rank": "reranker",
    }
    for span in spans.values():
        assert (span["session"], span["user"], span["service"]) == ("s42", "u7", "shop")
        assert span["tags"] == ["beta"]
        assert span["metadata"]["plan"] == "pro"
    agent = spans["answer"]
    assert agent["output"] == "You said: Which port?"
    chat = spans["chat m"]
    assert chat["input"] == [{"role": "user", "content": "Which port?"}]
    assert chat["output"][0]["content"] == "You said: Which port?"
    assert (chat["provider"], chat["model"]) == ("openai", "m")
    assert chat["usage"]["output"] == 4
    assert chat["start_ns"] < chat["first_token_ns"] <= chat["end_ns"]
    claude = spans["chat c"]
    assert claude["provider"] == "anthropic"
    assert claude["input"][0] == {"role": "system", "content": "Brief."}
    usage = claude["usage"]
    assert (usage["input"], usage["cache_read"], usage["output"]) == (10, 90, 7)
    assert usage["cache_write_5m"] + usage["cache_write_1h"] == 30
    assert spans["rank"]["metadata"] == {"plan": "pro", "k": 3}
    (score,) = trace["scores"]
    assert (score["name"], score["passed"], score["target"]["id"]) == (
        "helpful",
        True,
        agent["span_id"],
    )


def test_a_score_the_server_refuses_is_reported_with_its_name_and_the_reason(
    server: Served, tmp_path: Path
) -> None:
    programs = Programs(server.url, tmp_path)
    done = programs.run("""
    with trimtab.span("s"):
        trimtab.score("good", 1)
        trimtab.score("helpful?", 1)
        trimtab.score("fine", 1, source="nobody")
    """)
    (summary,) = server.client.traces()
    assert [one["name"] for one in server.client.trace(summary["trace_id"])["scores"]] == ["good"]
    assert "refused the score 'helpful?' with HTTP status 400: 'helpful?' is not a name" in (
        done.stderr
    )
    assert "refused the score 'fine' with HTTP status 400: " in done.stderr
