"""Pass-through: bodies keep their bytes, the model is found and renamed, usage is read."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dialects.spoken import read_stream, said

from trimtab.dialects.llm.parts import Began, Ended, Failed, Other, Part, Text, Used
from trimtab.dialects.llm.passthrough import PASSTHROUGH, read, renamed
from trimtab.errors import InvalidRequest
from trimtab.kit import sse
from trimtab.records import Usage
from trimtab.testing import strategies as drawn

FORM = "multipart/form-data; boundary=b0undary"
JSON = "application/json; charset=utf-8"


def part(name: str, value: bytes, *, more: str = "", head: str = "") -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"{more}\r\n{head}\r\n'
    return b"--b0undary\r\n" + disposition.encode() + value + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--b0undary--\r\n"


SOUND = part(
    "file", bytes(range(256)) * 40 + b"\r\n--b0undar", more='; filename="a.mp3"',
    head="Content-Type: audio/mpeg\r\n",
)  # fmt: skip


class TestForms:
    def test_only_the_bytes_of_the_model_change(self) -> None:
        body = form(SOUND, part("model", b"mine"), part("language", b"no"))
        assert read(body, FORM).model == "mine"
        sent = renamed(body, FORM, "whisper-1")
        assert sent == form(SOUND, part("model", b"whisper-1"), part("language", b"no"))

    @pytest.mark.parametrize("body", [form(SOUND), form(SOUND, part("model", b"m")), form()])
    def test_the_same_name_or_none_is_the_same_bytes(self, body: bytes) -> None:
        assert renamed(body, FORM, "m") is body

    def test_what_admission_reads(self) -> None:
        body = form(part("model", b"m"), part("stream", b"true"), part("prompt", b"abc"), SOUND)
        asked = read(body, FORM)
        assert (asked.model, asked.stream, asked.text_bytes) == ("m", True, 3)
        assert PASSTHROUGH.envelope(body) == asked

    def test_a_quoted_boundary_and_an_unquoted_name_are_read(self) -> None:
        body = form(SOUND, part("model", b"m")).replace(b'name="model"', b"NAME=model")
        assert read(body, 'multipart/form-data; boundary="b0undary"').model == "m"

    @pytest.mark.parametrize(
        "body",
        [
            form(part("model", b"a"), part("model", b"b")),
            form(part("file", b"x", more='; name="model"'), part("model", b"b")),
            form(part("model", b"a", more='; filename="f"')),
            form(part("model", b"a", head='Content-Disposition: form-data; name="x"\r\n')),
            form(part("x", b"a", more="; name*=utf-8''model")),
            form(part("model", b"a" * 70_000)),
            form(part("model", b"\xff")),
            form(part("model", b"a"))[:-6],
            b"preamble\r\n" + form(part("model", b"a")),
            form(part("model", b"a")).replace(b"\r\n", b"\n"),
            form(*[part("a", b"")] * 1_001),
            b"",
        ],
    )
    def test_what_two_readers_could_take_differently_is_refused(self, body: bytes) -> None:
        with pytest.raises(InvalidRequest):
            read(body, FORM)

    def test_a_length_hides_no_part(self) -> None:
        """A reader that trusts the length of a part would take the second for its content."""
        hidden = part("model", b"dear")
        first = part("file", b"x", head=f"Content-Length: {len(hidden) + 3}\r\n")
        assert read(form(first, hidden), FORM).model == "dear"

    def test_a_form_without_a_boundary_is_refused(self) -> None:
        with pytest.raises(InvalidRequest):
            read(b"x", "multipart/form-data")

    @settings(max_examples=60)
    @given(st.binary(max_size=60), st.binary(max_size=30))
    def test_any_bytes_are_read_or_refused(self, one: bytes, two: bytes) -> None:
        for body in (one, form(one), form(part("model", two), one), b"--b0undary" + one):
            try:
                read(body, FORM)
            except InvalidRequest:
                continue

    def test_a_large_file_is_skipped_not_copied(self) -> None:
        body = form(part("file", b"\r\n-" * (8 << 20), more='; filename="f"'), part("model", b"m"))
        tracemalloc.start()
        try:
            assert read(body, FORM).model == "m"
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()


class TestJson:
    def test_other_fields_keep_their_bytes(self) -> None:
        body = b'{"prompt": "\\u00e9 cat", "model": "mine", "n": 1.0, "seed": 1e400}'
        sent = renamed(body, JSON, "gpt-image-1")
        assert sent == b'{"prompt":"\\u00e9 cat","model":"gpt-image-1","n":1.0,"seed":1e400}'
        assert renamed(body, JSON, "mine") is body

    def test_what_admission_reads(self) -> None:
        body = b'{"prompt":"a cat","model":"m","stream":true,"user":"u","trimtab":{"a":1}}'
        asked = read(body, JSON)
        assert (asked.model, asked.stream, asked.user) == ("m", True, "u")
        assert PASSTHROUGH.messages(asked) == [{"role": "user", "content": "a cat"}]
        assert b"trimtab" not in renamed(body, JSON, "m")

    @pytest.mark.parametrize("body", [b"", b" ", b"{}", b"[]", b'{"model":null}', b"\x00\xff"])
    @pytest.mark.parametrize("content_type", ["", JSON, "application/octet-stream"])
    def test_a_body_may_name_no_model(self, body: bytes, content_type: str) -> None:
        asked = read(body, content_type)
        assert asked.model == ""
        assert PASSTHROUGH.messages(asked) == []
        assert renamed(body, content_type, "m") is body

    @pytest.mark.parametrize("body", [b'{"model":', b'{"model":1}', b'{"a":"\xff"}'])
    def test_what_says_it_is_json_and_is_not_is_refused(self, body: bytes) -> None:
        with pytest.raises(InvalidRequest):
            read(body, JSON)
        assert read(body, "application/octet-stream").model == ""


def events(*wire: Any) -> bytes:
    return b"".join(sse.encode(json.dumps(event).encode()) for event in wire)


class TestReading:
    @pytest.mark.parametrize(
        ("body", "parts"),
        [
            (
                {
                    "created": 1,
                    "data": [{"b64_json": "A" * 1_000}],
                    "usage": {
                        "input_tokens": 50,
                        "output_tokens": 200,
                        "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
                    },
                },
                [Began(), Used(Usage(input=50, output=200)), Ended()],
            ),
            (
                {
                    "text": "Hello",
                    "usage": {
                        "type": "tokens",
                        "input_tokens": 14,
                        "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
                        "output_tokens": 3,
                    },
                },
                [Began(), Text("Hello"), Used(Usage(input=4, audio_input=10, output=3)), Ended()],
            ),
            (
                {"text": "Hello", "usage": {"type": "duration", "seconds": 3.5}},
                [
                    Began(),
                    Text("Hello"),
                    Other(kind="usage", data={"type": "duration", "seconds": 3.5}),
                    Ended(),
                ],
            ),
            ({"id": "file-1", "object": "file"}, [Began(id="file-1"), Ended()]),
            (
                {"id": "batch_1", "status": "failed", "error": {"message": "x"}},
                [Began(id="batch_1"), Ended()],
            ),
            (
                {"id": "resp_1", "object": "response", "usage": {"input_tokens": 9}},
                [Began(id="resp_1"), Ended()],
            ),
            ({"error": {"message": "no", "code": "c"}}, [Failed(message="no", kind="c")]),
        ],
    )
    def test_a_json_body_tells_its_usage(self, body: Any, parts: list[Part]) -> None:
        assert list(PASSTHROUGH.reader().body(json.dumps(body).encode())) == parts

    @pytest.mark.parametrize(
        "body", [b"", b"ID3\x04\x00\xff", b"1\n00:00:01,000 --> 00:00:02,000\nHi", b"[1]", b"{"]
    )
    def test_any_other_body_is_whole(self, body: bytes) -> None:
        assert list(PASSTHROUGH.reader().body(body)) == [Ended()]

    @pytest.mark.parametrize(
        ("stream", "parts"),
        [
            (
                events(
                    {"type": "transcript.text.delta", "delta": "Hel"},
                    {"type": "transcript.text.delta", "delta": "lo"},
                    {
                        "type": "transcript.text.done",
                        "text": "Hello",
                        "usage": {"input_tokens": 3, "output_tokens": 2},
                    },
                ),
                [Text("Hel"), Text("lo"), Used(Usage(input=3, output=2)), Ended()],
            ),
            (events({"type": "transcript.text.done", "text": "Hi"}), [Text("Hi"), Ended()]),
            (
                events(
                    {"type": "image_generation.partial_image", "b64_json": "AAAA"},
                    {
                        "type": "image_generation.completed",
                        "b64_json": "AAAA",
                        "usage": {"input_tokens": 3, "output_tokens": 2},
                    },
                ),
                [Used(Usage(input=3, output=2)), Ended()],
            ),
            (
                events({"type": "speech.audio.delta", "audio": "AA"})
                + events({"type": "speech.audio.done", "usage": {"input_tokens": 1}}),
                [Used(Usage(input=1)), Ended()],
            ),
            (events({"x": 1}) + b"data: [DONE]\n\n", [Ended()]),
            (events({"type": "transcript.text.segment", "text": "a"}), [Ended()]),
            (events({"error": {"message": "no"}}), [Failed(message="no")]),
            (events({"type": "error", "message": "no"}), [Failed(message="no")]),
            (b": ping\n\ndata: <html>\n\n", [Ended()]),
        ],
    )
    def test_a_stream_tells_its_usage_and_ends_split_at_any_byte(
        self, stream: bytes, parts: list[Part]
    ) -> None:
        assert read_stream(PASSTHROUGH.reader(), [stream]) == parts
        bytewise = [stream[at : at + 1] for at in range(len(stream))]
        assert read_stream(PASSTHROUGH.reader(), bytewise) == parts

    @settings(max_examples=60)
    @given(
        st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(
                ("type", "usage", "error", "text", "delta", "id", "model", "message", "code"),
                drawn.json_values() | st.sampled_from(["error", "transcript.text.delta"]),
            ),
        )
    )
    def test_strange_answers_do_not_raise(self, wire: dict[str, Any]) -> None:
        data = json.dumps(wire)
        reader = PASSTHROUGH.reader()
        said([*reader.event(sse.Event(data, "message", b"")), *reader.end()])
        said(PASSTHROUGH.reader().body(data.encode()))
