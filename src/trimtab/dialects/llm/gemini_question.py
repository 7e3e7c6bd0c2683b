"""A neutral request as Gemini's generateContent takes it.

Source: ai.google.dev/api/generate-content and .../gemini-api/docs/thought-signatures. The name of
the model and whether to stream are in the URL, not in the body.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Sequence
from typing import Any

from trimtab.dialects.llm.gemini_schema import cleaned
from trimtab.dialects.llm.question import (
    Asked,
    Content,
    MediaContent,
    Question,
    TextContent,
    Thinking,
    ThinkingContent,
    ToolResult,
    ToolUse,
    Turn,
)
from trimtab.dialects.llm.target import GEMINI_SIGNED, arguments_of
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx

# From the third generation on, a model thinks by level and wants its signatures back.
_BY_BUDGET = re.compile(r"(?:.*/)?gemini-(?:1|2)[.-].*", re.IGNORECASE)
# For a call whose signature is not to be had (thought-signatures, "FAQs").
_NO_SIGNATURE = "skip_thought_signature_validator"
_LEVELS = ("minimal", "low", "medium", "high", "xhigh")
# What Gemini's own OpenAI endpoint makes of an effort (ai.google.dev/gemini-api/docs/openai).
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "named": "ANY"}


def ask(question: Question, *, model: str) -> Asked:
    """The body of a request, and what of the question it cannot say.

    Raises:
        InvalidRequest: a tool result answers no call, or a call has no JSON object as arguments.
    """
    asking = _Asking(model)
    body = {
        "systemInstruction": asking.system(question),
        "contents": [content for turn in question.turns if (content := asking.content(turn))],
        "tools": asking.tools(question),
        "toolConfig": _tool_config(question),
        "generationConfig": asking.generation(question),
    }
    asking.refuse(question)
    return Asked(
        body=jsonx.encode({name: value for name, value in body.items() if value}),
        lost=tuple(dict.fromkeys(asking.lost)),
    )


class _Asking:
    """One question being written: what it has lost, and the names of its calls by id."""

    def __init__(self, model: str) -> None:
        self.lost: list[str] = []
        self._by_budget = _BY_BUDGET.fullmatch(model) is not None
        self._calls: dict[str, str] = {}

    def system(self, question: Question) -> dict[str, Any] | None:
        parts = [{"text": each.text} for each in question.system if each.text]
        self._uncached(question.system)
        return {"parts": parts} if parts else None

    def content(self, turn: Turn) -> dict[str, Any] | None:
        """One turn; None where nothing of it can be said."""
        if turn.name is not None:
            self.lost.append("messages[].name")
        self._uncached(turn.content)
        parts: list[dict[str, Any]] = []
        signature: str | None = None
        for each in turn.content:
            if isinstance(each, ThinkingContent):
                parts += _loose(signature)
                signature = self._signature(each)
                continue
            if isinstance(each, ToolUse):
                parts.append(self._call(each, signature, first=_is_first_call(parts)))
            else:
                parts += _loose(signature)
                parts += self._parts(each)
            signature = None
        parts += _loose(signature)
        role = "model" if turn.role == "assistant" else "user"
        return {"role": role, "parts": parts} if parts else None

    def tools(self, question: Question) -> list[dict[str, Any]] | None:
        declared = []
        for number, tool in enumerate(question.tools):
            where = f"tools[{number}]"
            declaration: dict[str, Any] = {"name": tool.name}
            if tool.description:
                declaration["description"] = tool.description
            if tool.schema:
                schema, lost = cleaned(tool.schema, where=f"{where}.schema")
                declaration["parametersJsonSchema"] = schema
                self.lost += lost
            if tool.strict:
                self.lost.append(f"{where}.strict")
            declared.append(declaration)
        self._uncached(question.tools)
        return [{"functionDeclarations": declared}] if declared else None

    def generation(self, question: Question) -> dict[str, Any]:
        said: dict[str, Any] = {
            "maxOutputTokens": question.max_tokens,
            "temperature": question.temperature,
            "topP": question.top_p,
            "topK": question.top_k,
            "presencePenalty": question.presence_penalty,
            "frequencyPenalty": question.frequency_penalty,
            "stopSequences": list(question.stop) or None,
            "seed": question.seed,
            "candidateCount": question.choices if question.choices != 1 else None,
            "thinkingConfig": self._thinking(question.thinking),
        }
        if question.output is not None:
            said["responseMimeType"] = "application/json"
            if question.output.kind == "schema":
                schema, lost = cleaned(question.output.schema, where="output.schema")
                said["responseJsonSchema"] = schema
                self.lost += lost
        return {name: value for name, value in said.items() if value is not None}

    def refuse(self, question: Question) -> None:
        """Names what has no place in this dialect at all."""
        if question.user is not None:
            self.lost.append("user")
        if question.parallel_tools is False:
            self.lost.append("parallel_tools")

    def _thinking(self, thinking: Thinking | None) -> dict[str, Any] | None:
        if thinking is None:
            return None
        said: dict[str, Any] = {}
        if thinking.budget_tokens is not None:
            said["thinkingBudget"] = thinking.budget_tokens
        elif thinking.effort is not None and self._by_budget and thinking.effort in _BUDGETS:
            said["thinkingBudget"] = _BUDGETS[thinking.effort]
        elif not self._by_budget and thinking.effort in _LEVELS:
            said["thinkingLevel"] = thinking.effort
        elif thinking.effort == "none":
            said["thinkingLevel"] = "minimal"  # it cannot be turned off
        elif thinking.effort is not None:
            self.lost.append("thinking")
            return None
        if said.get("thinkingBudget") != 0 and thinking.effort != "none":
            said["includeThoughts"] = True
        return said

    def _signature(self, thinking: ThinkingContent) -> str | None:
        """The signature if it is one of Gemini's; the thoughts themselves are not sent back."""
        if thinking.signature is not None and thinking.signature.startswith(GEMINI_SIGNED):
            return thinking.signature.removeprefix(GEMINI_SIGNED)
        self.lost.append("messages[].thinking")
        return None

    def _call(self, use: ToolUse, signature: str | None, *, first: bool) -> dict[str, Any]:
        self._calls[use.id] = use.name
        arguments = arguments_of(use.arguments, where=f"the tool call {use.id}")
        part: dict[str, Any] = {"functionCall": {"id": use.id, "name": use.name, "args": arguments}}
        if signature is None and first and not self._by_budget:
            signature = _NO_SIGNATURE
            self.lost.append("messages[].thinking.signature")
        if signature is not None:
            part["thoughtSignature"] = signature
        return part

    def _parts(self, content: Content) -> list[dict[str, Any]]:
        if isinstance(content, TextContent):
            return [{"text": content.text}] if content.text else []
        if isinstance(content, MediaContent):
            return [self._media(content)]
        if isinstance(content, ToolResult):
            return [self._result(content)]
        return []

    def _media(self, media: MediaContent) -> dict[str, Any]:
        if media.detail not in (None, "auto"):
            self.lost.append("messages[].content[].detail")
        if media.data is not None:
            return {"inlineData": {"mimeType": media.media_type, "data": media.data}}
        file = {"fileUri": media.url or "", "mimeType": _media_type(media)}
        return {"fileData": {name: value for name, value in file.items() if value}}

    def _result(self, result: ToolResult) -> dict[str, Any]:
        name = self._calls.get(result.id)
        if name is None:
            raise InvalidRequest(
                f"the tool result {result.id} answers no call of an earlier turn",
                where="messages",
                fix="send the turn of the assistant that made the call before its result",
            )
        texts = [each.text for each in result.content if isinstance(each, TextContent)]
        media = [self._media(each) for each in result.content if isinstance(each, MediaContent)]
        self._uncached(result.content)
        response: dict[str, Any] = {
            "id": result.id,
            "name": name,
            "response": {"error" if result.is_error else "output": "\n".join(texts)},
        }
        if media:
            response["parts"] = media
        return {"functionResponse": response}

    def _uncached(self, contents: Sequence[Any]) -> None:
        """Gemini caches prefixes by itself, or by a resource of their own."""
        if any(getattr(each, "cache", False) for each in contents):
            self.lost.append("cache")


def _tool_config(question: Question) -> dict[str, Any] | None:
    choice = question.tool_choice
    if choice is None or not question.tools:
        return None
    calling: dict[str, Any] = {"mode": _MODES[choice.mode]}
    if choice.mode == "named" and choice.name is not None:
        calling["allowedFunctionNames"] = [choice.name]
    return {"functionCallingConfig": calling}


def _loose(signature: str | None) -> list[dict[str, Any]]:
    """A signature that no call follows: it seals the text before it, and has a part of its own."""
    return [] if signature is None else [{"text": "", "thoughtSignature": signature}]


def _is_first_call(parts: Sequence[dict[str, Any]]) -> bool:
    """Of calls made at once only the first is signed."""
    return not any("functionCall" in part for part in parts)


def _media_type(media: MediaContent) -> str | None:
    """The media type, guessed from the name of the file where the caller could not know it."""
    if media.media_type and "*" not in media.media_type:
        return media.media_type
    return mimetypes.guess_type((media.url or "").partition("?")[0])[0]
