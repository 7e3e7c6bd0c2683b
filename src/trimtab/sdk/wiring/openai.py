"""The `openai` client: chat completions, responses, embeddings; whole, parsed and streamed."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from trimtab.sdk import usage, values
from trimtab.sdk.usage import field
from trimtab.sdk.wiring import messages
from trimtab.sdk.wiring.calls import Shape, given, messages_text, wire

# Hosts whose API is OpenAI's; elsewhere the provider is taken to be OpenAI.
_PROVIDERS = {
    "openai.azure.com": "azure.ai.openai",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.deepseek.com": "deepseek",
    "api.x.ai": "x_ai",
    "api.perplexity.ai": "perplexity",
}
_PARAMETERS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "n": "choice.count",
}


def provider(resource: Any) -> str:
    url = getattr(getattr(resource, "_client", None), "base_url", None)
    host = str(getattr(url, "host", ""))
    return next((name for end, name in _PROVIDERS.items() if host.endswith(end)), "openai")


class ChatGathering:
    """The chunks of a streamed chat completion."""

    def __init__(self) -> None:
        self._facts: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self._began = False

    def add(self, piece: Any) -> bool:
        self._facts["id"] = field(piece, "id") or self._facts.get("id")
        self._facts["model"] = field(piece, "model") or self._facts.get("model")
        self._facts["usage"] = field(piece, "usage") or self._facts.get("usage")
        spoke = False
        for choice in field(piece, "choices") or []:
            index = field(choice, "index") or 0
            spoke = self._choices.setdefault(index, _Choice()).add(choice) or spoke
        first = spoke and not self._began
        self._began = self._began or spoke
        return first

    def attributes(self, *, content: bool) -> dict[str, Any]:
        found = [self._choices[index] for index in sorted(self._choices)]
        reasons = [one.finish_reason for one in found if one.finish_reason]
        said = [
            {**message, "finish_reason": one.finish_reason}
            for one in found
            for message in messages.of_chat([one.message()])
        ]
        return _answered(self._facts, reasons, said if content else None)


class _Choice:
    """One choice, put together from its deltas."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self._text: dict[str, list[str]] = {"content": [], "reasoning_content": [], "refusal": []}
        self._calls: dict[int, dict[str, Any]] = {}

    def add(self, choice: Any) -> bool:
        self.finish_reason = field(choice, "finish_reason") or self.finish_reason
        delta = field(choice, "delta")
        spoke = False
        for name, pieces in self._text.items():
            if text := field(delta, name):
                pieces.append(text)
                spoke = True
        for call in field(delta, "tool_calls") or []:
            self._add_call(call)
            spoke = True
        return spoke

    def message(self) -> dict[str, Any]:
        texts = {name: "".join(pieces) for name, pieces in self._text.items()}
        calls = [
            {"id": call["id"], "function": {**call, "arguments": "".join(call["arguments"])}}
            for call in self._calls.values()
        ]
        return {"role": "assistant", **texts, "tool_calls": calls}

    def _add_call(self, delta: Any) -> None:
        new: dict[str, Any] = {"id": None, "name": None, "arguments": []}
        call = self._calls.setdefault(field(delta, "index") or 0, new)
        asked = field(delta, "function")
        call["id"] = field(delta, "id") or call["id"]
        call["name"] = field(asked, "name") or call["name"]
        if arguments := field(asked, "arguments"):
            call["arguments"].append(arguments)


class ResponseGathering:
    """The events of a streamed response; the last one holds the whole."""

    def __init__(self) -> None:
        self._whole: Any = None
        self._text: list[str] = []
        self._began = False

    def add(self, piece: Any) -> bool:
        kind = str(field(piece, "type"))
        self._whole = field(piece, "response") or self._whole
        delta = field(piece, "delta")
        if kind == "response.output_text.delta" and isinstance(delta, str):
            self._text.append(delta)
        first = kind.endswith(".delta") and not self._began
        self._began = self._began or first
        return first

    def attributes(self, *, content: bool) -> dict[str, Any]:
        found = _response_answer(self._whole, content)
        if content and self._text and not found.get("gen_ai.output.messages"):
            said = [{"role": "assistant", "parts": [messages.text_part("".join(self._text))]}]
            found["gen_ai.output.messages"] = messages_text(said)
        return found


def _request(kwargs: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        f"gen_ai.request.{attribute}": given(kwargs, name)
        for name, attribute in _PARAMETERS.items()
        if given(kwargs, name) is not None
    }
    stop = given(kwargs, "stop")
    found["gen_ai.request.model"] = given(kwargs, "model")
    found["gen_ai.request.stop_sequences"] = [stop] if isinstance(stop, str) else stop
    found["gen_ai.request.stream"] = True if given(kwargs, "stream") else None
    found["openai.request.service_tier"] = given(kwargs, "service_tier")
    return {name: value for name, value in found.items() if value is not None}


def _chat_request(kwargs: dict[str, Any], content: bool) -> dict[str, Any]:
    found = _request(kwargs)
    if content:
        found["gen_ai.input.messages"] = messages_text(messages.of_chat(given(kwargs, "messages")))
        found["gen_ai.tool.definitions"] = values.plain(given(kwargs, "tools"))
    return found


def _chat_answer(answer: Any, content: bool) -> dict[str, Any]:
    choices = field(answer, "choices") or []
    reasons = [field(one, "finish_reason") for one in choices if field(one, "finish_reason")]
    said = [
        {**message, "finish_reason": field(one, "finish_reason")}
        for one in choices
        for message in messages.of_chat([field(one, "message")])
    ]
    facts = {name: field(answer, name) for name in ("id", "model", "usage")}
    return _answered(facts, reasons, said if content else None)


def _response_request(kwargs: dict[str, Any], content: bool) -> dict[str, Any]:
    found = _request(kwargs)
    if content:
        asked = messages.of_responses(given(kwargs, "input"))
        found["gen_ai.input.messages"] = messages_text(asked)
        found["gen_ai.tool.definitions"] = values.plain(given(kwargs, "tools"))
        if isinstance(instructions := given(kwargs, "instructions"), str):
            found["gen_ai.system_instructions"] = [messages.text_part(instructions)]
    return found


def _response_answer(answer: Any, content: bool) -> dict[str, Any]:
    incomplete = field(field(answer, "incomplete_details"), "reason")
    reason = incomplete or field(answer, "status")
    said = messages.joined(messages.of_responses(field(answer, "output")), reason)
    facts = {name: field(answer, name) for name in ("id", "model", "usage")}
    return _answered(facts, [reason] if reason else [], said if content else None)


def _answered(
    facts: dict[str, Any], reasons: list[str], said: list[dict[str, Any]] | None
) -> dict[str, Any]:
    return {
        "gen_ai.response.id": facts.get("id"),
        "gen_ai.response.model": facts.get("model"),
        "gen_ai.response.finish_reasons": reasons or None,
        "gen_ai.output.messages": messages_text(said),
        **usage.attributes(facts.get("usage")),
    }


def _embedding_request(kwargs: dict[str, Any], content: bool) -> dict[str, Any]:
    found = _request(kwargs)
    found["gen_ai.embeddings.dimension.count"] = given(kwargs, "dimensions")
    asked = given(kwargs, "input")
    if content and isinstance(asked, (str, list)):
        found["input.value"], found["input.mime_type"] = values.text_of(asked)
    return found


def _embedding_answer(answer: Any, _content: bool) -> dict[str, Any]:
    found = {"gen_ai.response.model": field(answer, "model")}
    return {**found, **usage.attributes(field(answer, "usage"))}


_CHAT = Shape("chat", provider, _chat_request, _chat_answer, ChatGathering)
_RESPONSES = Shape("chat", provider, _response_request, _response_answer, ResponseGathering)
_EMBEDDINGS = Shape("embeddings", provider, _embedding_request, _embedding_answer)


def _wiring(names: tuple[str, ...], shape: Shape) -> Callable[[ModuleType], None]:
    def hook(module: ModuleType) -> None:
        for name in names:
            if (owner := getattr(module, name, None)) is not None:
                wire(owner, "create", shape)
                wire(owner, "parse", shape)

    return hook


_CHATS = _wiring(("Completions", "AsyncCompletions"), _CHAT)
HOOKS = {
    "openai.resources.chat.completions": _CHATS,
    "openai.resources.beta.chat.completions": _CHATS,
    "openai.resources.responses": _wiring(("Responses", "AsyncResponses"), _RESPONSES),
    "openai.resources.embeddings": _wiring(("Embeddings", "AsyncEmbeddings"), _EMBEDDINGS),
}
