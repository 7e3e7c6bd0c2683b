"""OpenAI's completions, the older API: a prompt in, its continuation out.

Only a single text can be translated; lists of texts and of tokens need a provider that speaks this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec

from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.fields import (
    as_dict,
    choices_of,
    field,
    fields_of,
    limit_of,
    named_model,
    plain,
    text_bytes,
)
from trimtab.dialects.llm.openai_chat import OPENAI_CHAT
from trimtab.dialects.llm.openai_completions_answer import Reader, Writer
from trimtab.dialects.llm.question import Asked, Question, TextContent, Turn
from trimtab.errors import InvalidRequest, TrimtabError
from trimtab.kit import jsonx
from trimtab.records import Message

_KEPT = frozenset(
    {
        "model", "prompt", "max_tokens", "temperature", "top_p", "n", "stream", "stream_options",
        "stop", "presence_penalty", "frequency_penalty", "seed", "user",
    }
)  # fmt: skip
_HARMLESS: dict[str, tuple[Any, ...]] = {"best_of": (1,), "echo": (False,), "logit_bias": ({},)}
_NUMBERS = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
_MAX_PROMPTS = 100


class OpenAICompletions:
    """See `dialect.Dialect`."""

    name = "openai.completions"
    translates = True

    def envelope(self, body: bytes) -> Envelope:
        fields, own = fields_of(body)
        raw = fields.get("prompt")
        if raw is None or bytes(memoryview(raw)[:1]) not in (b'"', b"["):
            raise InvalidRequest(
                "'prompt' is missing, or neither text nor a list", where="prompt", fix="send text"
            )
        return Envelope(
            model=named_model(fields),
            stream=field(fields, "stream", bool | None) or False,
            user=field(fields, "user", str | None),
            wants_usage=as_dict(field(fields, "stream_options", Any)).get("include_usage") is True,
            max_tokens=limit_of(fields, "max_tokens"),
            choices=choices_of(fields, "n", "best_of") * _prompts(raw),
            trimtab=own,
            fields=fields,
            text_bytes=text_bytes(fields, "prompt", "suffix"),
        )

    def messages(self, envelope: Envelope) -> list[Any]:
        """Each prompt as a message of the user, tokens as their number; of many the first."""
        given = field(envelope.fields, "prompt", Any)
        several = isinstance(given, list) and not any(isinstance(item, int) for item in given[:1])
        prompts = given if several else [given]
        return [{"role": "user", "content": _readable(prompt)} for prompt in prompts[:_MAX_PROMPTS]]

    def opened(self, envelope: Envelope, opening: Sequence[Message]) -> dict[str, Any]:
        """See `dialect.Dialect.opened`: the texts of the messages, a blank line after each."""
        raw = bytes(envelope.fields["prompt"])
        if not opening:
            return {}
        if not raw.startswith(b'"'):
            _refuse("a prompt cannot open a list of prompts")
        text = "".join(message.text + "\n\n" for message in opening)
        return {"prompt": msgspec.Raw(jsonx.encode(text)[:-1] + raw[1:])}

    def asking_usage(self, envelope: Envelope) -> dict[str, Any]:
        return OPENAI_CHAT.asking_usage(envelope)

    def reader(self) -> Reader:
        return Reader()

    def writer(self, envelope: Envelope, *, id: str, created_s: int) -> Writer:
        return Writer(envelope, id=id, created_s=created_s)

    def question(self, envelope: Envelope) -> Question:
        fields = {name: field(envelope.fields, name, Any) for name in envelope.fields}
        prompt = fields["prompt"]
        if isinstance(prompt, list) and len(prompt) == 1:
            prompt = prompt[0]
        if not isinstance(prompt, str):
            _refuse("a list of prompts, or of tokens, has no translation")
        stop = field(envelope.fields, "stop", str | list[str] | None) or []
        numbers = {name: field(envelope.fields, name, float | None) for name in _NUMBERS}
        return Question(
            turns=(Turn(role="user", content=(TextContent(text=prompt),)),),
            max_tokens=envelope.max_tokens,
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
            seed=field(envelope.fields, "seed", int | None),
            choices=field(envelope.fields, "n", int | None) or 1,
            user=envelope.user,
            stream=envelope.stream,
            lost=tuple(name for name, value in fields.items() if _is_lost(name, value)),
            **numbers,
        )

    def ask(self, question: Question, *, model: str) -> Asked:
        """See `dialect.Dialect.ask`. Raises InvalidRequest for more than one text of a user."""
        contents = [content for turn in question.turns for content in turn.content]
        only = contents[0] if len(contents) == 1 and question.turns[0].role == "user" else None
        if not isinstance(only, TextContent) or question.system or question.tools:
            _refuse("only one text of the user can be asked in openai.completions")
        wanted = ("parallel_tools", "tool_choice", "top_k", "output", "thinking")
        lost = [name for name in wanted if getattr(question, name) is not None]
        wire = {
            "model": model,
            "prompt": only.text,
            "max_tokens": question.max_tokens,
            **{name: getattr(question, name) for name in _NUMBERS},
            "stop": list(question.stop) or None,
            "seed": question.seed,
            "n": question.choices if question.choices != 1 else None,
            "user": question.user,
            "stream": question.stream or None,
            "stream_options": {"include_usage": True} if question.stream else None,
        }
        body = jsonx.encode({name: value for name, value in wire.items() if value is not None})
        return Asked(body=body, lost=(*lost, "cache") if only.cache else tuple(lost))

    def error(self, error: TrimtabError) -> bytes:
        return OPENAI_CHAT.error(error)

    def error_event(self, error: TrimtabError) -> bytes:
        return OPENAI_CHAT.error_event(error)


OPENAI_COMPLETIONS = OpenAICompletions()


def _prompts(raw: msgspec.Raw) -> int:
    """How many prompts there are: each gets answers of its own."""
    if bytes(memoryview(raw)[:1]) != b"[":
        return 1
    given = plain(bytes(raw))
    several = isinstance(given, list) and bool(given) and not isinstance(given[0], int)
    return len(given) if several else 1


def _readable(prompt: Any) -> str:
    if isinstance(prompt, str):
        return prompt
    return f"({len(prompt):,} tokens)" if isinstance(prompt, list) else ""


def _is_lost(name: str, value: Any) -> bool:
    return name not in _KEPT and value is not None and value not in _HARMLESS.get(name, ())


def _refuse(what: str) -> NoReturn:
    raise InvalidRequest(
        what,
        where="prompt",
        fix="send one text as `prompt`, or ask openai.chat",
    )
