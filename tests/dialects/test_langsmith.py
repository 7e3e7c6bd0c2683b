"""LangSmith's protocol: forms, batches and runs of the real SDK and others, read into patches."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compat.emitters import story
from tests.compat.recording import Sent, recorded
from tests.dialects.foreign import check, objects

from trimtab.dialects import langsmith, multipart
from trimtab.dialects.multipart import Part
from trimtab.dialects.sdk import Feedback
from trimtab.errors import InvalidRequest
from trimtab.kit import zstd
from trimtab.records import Span, Usage
from trimtab.tracing.patching import Key, begun, patched

RUN = "01a1fe9d-0b45-7d07-8652-a8ecd551f01e"


def read_form(sent: Sent) -> list[langsmith.Sent]:
    packed = sent.headers.get("content-encoding") == "zstd"
    body = zstd.decompress(sent.body) if packed else sent.body
    boundary = multipart.boundary_of(sent.headers["content-type"])
    form = langsmith.read_form(list(multipart.parts(body, boundary)))
    assert form.errors == {}
    return form.items


def told(items: list[langsmith.Sent]) -> tuple[dict[str, Span], list[Feedback]]:
    spans: dict[Key, Span] = {}
    feedback = []
    for item in items:
        said = langsmith.read(item)
        if said.feedback:
            feedback.append(said.feedback)
        if said.patch:
            key = Key("p", str(said.patch.trace_id), said.patch.span_id)
            spans[key] = patched(spans.get(key) or begun(key, said.patch, 0), said.patch)
    return {span.name: span for span in spans.values()}, feedback


@pytest.mark.parametrize("name", ["langsmith", "langsmith-plain", "langsmith-batch"])
def test_what_the_real_sdk_sends_is_the_story_it_was_told(name: str) -> None:
    items = []
    for sent in recorded(name):
        if sent.path == "/runs/multipart":
            items += read_form(sent)
        elif sent.path == "/runs/batch":
            items += langsmith.read_batch(sent.body)
        elif sent.path == "/feedback":
            items += [langsmith.Sent("feedback", "f", langsmith.read_json(sent.body))]
    spans, feedback = told(items)
    root, call, failing = spans[story.AGENT], spans["ChatOpenAI"], spans[story.FAILING]
    assert (root.user, root.session, root.tags) == (story.USER, story.SESSION, (story.TAG,))
    assert root.metadata["tenant"] == "acme"
    assert (root.input, root.output) == ({"question": story.QUESTION}, story.ANSWER)
    assert {span.parent_id for span in spans.values()} == {None, root.span_id}
    assert (call.kind, call.model, call.provider) == ("llm", story.MODEL, "openai")
    assert call.input == story.MESSAGES
    assert call.output[0]["content"] == story.ANSWER
    assert call.usage == Usage(input=100, cache_read=20, output=20, reasoning=10)
    assert failing.status == "error"
    assert story.REFUSAL in str(failing.error)
    assert (failing.input, failing.output) == (story.CARD, None)
    retriever = spans[story.RETRIEVER]
    assert retriever.kind == "retriever"
    assert [{**found, "source": None} for found in retriever.output] == [
        {**document, "source": None} for document in story.DOCUMENTS
    ]
    assert [(s.name, s.value, s.span_id) for s in feedback] == [("helpful", 1.0, None)]


def test_an_attachment_is_not_kept_but_named() -> None:
    form = langsmith.read_form(
        [
            Part(f"post.{RUN}", "application/json", b'{"name": "a", "trace_id": "t"}'),
            Part(f"attachment.{RUN}.photo", "image/png", b"12345"),
        ]
    )
    (item,) = form.items
    patch = langsmith.read(item).patch
    assert patch is not None
    left_out = patch.fields["attributes"]["langsmith.attachments_left_out"]
    assert left_out == {"photo": {"media_type": "image/png", "size_bytes": 5}}


def test_a_bad_part_does_not_take_the_others_with_it() -> None:
    form = langsmith.read_form(
        [
            Part(f"post.{RUN}", "application/json", b'{"name": "a"}'),
            Part(f"post.{RUN}.inputs", "application/json", b"{broken"),
            Part("strange", "application/json", b"{}"),
            Part(f"post.{RUN}.outputs", "application/json", b'{"x": NaN}'),
        ]
    )
    assert set(form.errors) == {f"post.{RUN}.inputs", "strange"}
    assert [item.fields["outputs"] for item in form.items] == [{"x": None}]


@pytest.mark.parametrize(
    ("run", "trace"),
    [
        ({"id": RUN, "trace_id": "1" * 32}, "1" * 32),
        ({"id": "a", "dotted_order": f"20260101T000000000000Z{RUN}.x"}, RUN.replace("-", "")),
        ({"id": RUN, "start_time": "2026-01-01T00:00:00"}, RUN.replace("-", "")),
        ({"id": RUN, "end_time": "2026-01-01T00:00:00"}, None),
    ],
)
def test_the_trace_of_a_run_is_found_or_unknown(run: dict[str, Any], trace: str | None) -> None:
    assert langsmith.read_run(run).trace_id == trace


def test_the_first_token_and_what_happened_are_events() -> None:
    token = {"name": "new_token", "time": "2026-01-01T00:00:01Z", "kwargs": {"token": "a"}}
    fields = langsmith.read_run({"id": RUN, "run_type": "llm", "events": [token, token]}).fields
    assert fields["first_token_ns"] == fields["events"][0]["time_ns"]
    assert fields["events"][0]["attributes"] == {"kwargs": {"token": "a"}}


def test_langchains_usage_is_found_in_its_messages() -> None:
    counts = {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12}
    message = {"lc": 1, "id": ["x", "AIMessage"]} | {
        "kwargs": {"content": "Hi", "usage_metadata": counts}
    }
    outputs = {"generations": [[{"text": "Hi", "message": message}]], "llm_output": None}
    fields = langsmith.read_run({"id": RUN, "run_type": "llm", "outputs": outputs}).fields
    assert fields["usage"] == Usage(input=10, output=2)
    assert fields["output"][0]["content"] == "Hi"


@pytest.mark.parametrize("kind", ["llm", "chain", "retriever"])
def test_a_run_that_failed_has_no_output(kind: str) -> None:
    asked = {"messages": [{"role": "user", "content": "Hi"}]}
    run = {"id": RUN, "run_type": kind, "inputs": asked, "outputs": {}, "error": "refused"}
    patch = langsmith.read_run({**run, "end_time": "2026-01-01T00:00:00Z"})
    assert "output" not in patch.fields
    assert patch.fields["status"] == "error"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"score": True}, ("passed", True)),
        ({"score": 0.5, "value": "x"}, ("value", 0.5)),
        ({"value": "good"}, ("label", "good")),
        ({"comment": "so so"}, ("label", "comment")),
    ],
)
def test_feedback_is_an_assertion_a_number_or_a_label(
    body: dict[str, Any], expected: tuple[str, Any]
) -> None:
    feedback = langsmith.read_feedback({"key": "k", "run_id": RUN, **body})
    assert getattr(feedback, expected[0]) == expected[1]
    assert feedback.span_id is not None


@pytest.mark.parametrize("body", [{}, {"key": "k", "score": 1}, {"key": "k", "run_id": RUN}])
def test_feedback_that_judges_nothing_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        langsmith.read_feedback(body)


NAMES = ("name", "trace_id", "dotted_order", "parent_run_id", "run_type", "start_time", "end_time")
EXPORTED = {
    "id": RUN,
    "run_type": "llm",
    "start_time": "2026-01-01T00:00:00",
    "end_time": "2026-01-01T00:00:01",
    "extra": {"metadata": {"ls_model_name": "gpt-4o"}},
    "inputs": {"messages": [{"role": "user", "content": "Why?"}]},
    "outputs": {"choices": [{"message": {"role": "assistant", "content": "Because."}}]},
    "prompt_tokens": 100,
    "completion_tokens": 10,
    "total_tokens": 110,
    "total_cost": "0.00125",
    "prompt_token_details": {"cache_read": 80},
    "completion_token_details": None,
}


def test_an_exported_run_says_what_langsmith_counted() -> None:
    fields = langsmith.read_run(EXPORTED).fields
    assert fields["usage"] == Usage(input=20, cache_read=80, output=10)
    assert (fields["model"], fields["cost_usd"]) == ("gpt-4o", Decimal("0.00125"))
    assert fields["cost_source"] == "given"
    plain = {k: v for k, v in EXPORTED.items() if k not in ("prompt_token_details", "total_cost")}
    fields = langsmith.read_run(plain).fields
    assert fields["usage"] == Usage(input=100, output=10)
    assert fields.get("cost_usd") is None


def test_what_a_call_says_itself_goes_before_what_langsmith_counted() -> None:
    usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    fields = langsmith.read_run(EXPORTED | {"outputs": {"usage_metadata": usage}}).fields
    assert fields["usage"] == Usage(input=7, output=3)
    assert fields["cost_usd"] == Decimal("0.00125")


def test_the_sums_of_a_chain_and_zeros_of_nothing_are_no_usage() -> None:
    zeros = dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens", "total_cost"), 0)
    for run in (EXPORTED | {"run_type": "chain"}, EXPORTED | zeros):
        fields = langsmith.read_run(run).fields
        assert fields.get("usage") is None
        assert fields.get("cost_usd") is None


MORE = ("inputs", "outputs", "extra", "error", "events", "tags", "serialized", "key", "score")


@given(objects(*NAMES, *MORE, "run_id", "value"))
def test_any_run_makes_a_storable_span_or_is_refused(body: dict[str, Any]) -> None:
    for verb in ("post", "patch"):
        patch = langsmith.read(langsmith.Sent(verb, "x", {"id": "x", **body})).patch
        assert patch is not None
        check(patch)
    with contextlib.suppress(InvalidRequest):
        langsmith.read(langsmith.Sent("feedback", "x", body))


NAME = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"\\'))


@given(st.lists(st.tuples(NAME, st.binary(max_size=40)), max_size=4), st.booleans())
def test_a_form_comes_out_as_it_went_in(pieces: list[tuple[str, bytes]], sized: bool) -> None:
    boundary = b"0123456789abcdef0123456789abcdef"
    body = b""
    for name, data in pieces:
        length = f"Content-Length: {len(data)}\r\n" if sized else ""
        head = f'Content-Disposition: form-data; name="{name}"\r\n{length}\r\n'
        body += b"--" + boundary + b"\r\n" + head.encode() + data + b"\r\n"
    body += b"--" + boundary + b"--\r\n"
    assert [(part.name, part.data) for part in multipart.parts(body, boundary)] == pieces


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_of_some_parts_or_refused(body: bytes) -> None:
    for start, end in ((b"", b""), (b"--b\r\n", b""), (b"--b\r\n", b"\r\n--b--\r\n")):
        with contextlib.suppress(InvalidRequest):
            assert len(list(multipart.parts(start + body + end, b"b"))) <= len(body) + 1


HEAD = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n'


@given(st.integers(0, len(HEAD + b"12345\r\n--b-")))
def test_a_form_that_is_torn_anywhere_is_refused(length: int) -> None:
    whole = HEAD + b"12345\r\n--b--"
    assert [part.data for part in multipart.parts(whole, b"b")] == [b"12345"]
    with pytest.raises(InvalidRequest):
        list(multipart.parts(whole[:length], b"b"))


@pytest.mark.parametrize("body", [b"", b"garbage", b'{"post": []}', b"--c\r\n\r\n--c--"])
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="holds no part"):
        list(multipart.parts(body, b"b"))


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Disposition: form-data; name="post.x',
        b"Content-Disposition: form-data; name=",
        b'Content-Disposition: form-data; filename="post.x"',
        b"\xff\xfe",
        b"",
    ],
)
@pytest.mark.parametrize("end", [b"\r\n\r\n{}\r\n", b"\r\n"])
def test_a_part_whose_head_cannot_be_read_is_named_by_its_place(head: bytes, end: bytes) -> None:
    good = b'--b\r\nContent-Disposition: form-data; name="post.%b"\r\n\r\n{"name": "n"}\r\n'
    body = good % b"1" + b"--b\r\n" + head + end + good % b"2" + b"--b--\r\n"
    form = langsmith.read_form(list(multipart.parts(body, b"b")))
    assert [item.id for item in form.items] == ["1", "2"]
    assert set(form.errors) == {"part 2"}


def test_a_part_may_hold_the_boundary_if_it_says_how_long_it_is() -> None:
    data = b"x\r\n--b\r\ny"
    head = f'Content-Disposition: form-data; name="a"\r\nContent-Length: {len(data)}\r\n\r\n'
    body = b"--b\r\n" + head.encode() + data + b"\r\n--b--\r\n"
    assert [part.data for part in multipart.parts(body, b"b")] == [data]
