"""A neutral request as Amazon Bedrock's Converse takes it.

Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html. The name of the
model and whether to stream are in the URL, not in the body.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from trimtab.dialects.llm.anthropic_thinking import is_sealed
from trimtab.dialects.llm.bedrock_media import media_block
from trimtab.dialects.llm.question import (
    Asked,
    Content,
    MediaContent,
    Question,
    TextContent,
    ThinkingContent,
    ToolResult,
    ToolUse,
    Turn,
)
from trimtab.dialects.llm.target import arguments_of
from trimtab.kit import jsonx

_CACHE_POINT = {"cachePoint": {"type": "default"}}
_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_EMPTY_SCHEMA = {"type": "object", "properties": {}}


class _Family(msgspec.Struct, frozen=True, kw_only=True):
    """What a family of models takes beside Converse's own fields, and under which name."""

    models: str
    top_k: tuple[str, ...] = ()
    budget: bool = False
    effort: bool = False


# Pages "Inference request parameters" of each family, in the Bedrock user guide.
_FAMILIES = (
    _Family(models=r".*anthropic\.claude.*", top_k=("top_k",), budget=True, effort=True),
    _Family(models=r".*amazon\.nova.*", top_k=("inferenceConfig", "topK")),
    _Family(models=r".*cohere\.command-r.*", top_k=("k",)),
    _Family(models=r".*mistral\..*", top_k=("top_k",)),
)
_UNKNOWN = _Family(models=".*")


def ask(question: Question, *, model: str) -> Asked:
    """The body of a request, and what of the question it cannot say.

    Raises:
        InvalidRequest: a medium is of a type, or at an address, that Bedrock does not read; or a
            call has no JSON object as arguments.
    """
    asking = _Asking(next((f for f in _FAMILIES if re.fullmatch(f.models, model)), _UNKNOWN))
    body = {
        "system": asking.blocks(question.system),
        "messages": asking.messages(question.turns),
        "toolConfig": asking.tool_config(question),
        "inferenceConfig": _inference(question),
        "outputConfig": asking.output(question),
        "additionalModelRequestFields": asking.additional(question),
    }
    asking.refuse(question)
    return Asked(
        body=jsonx.encode({name: value for name, value in body.items() if value}),
        lost=tuple(dict.fromkeys(asking.lost)),
    )


class _Asking:
    """One question being written, and what it has lost."""

    def __init__(self, family: _Family) -> None:
        self.lost: list[str] = []
        self._family = family
        self._files = 0

    def messages(self, turns: Sequence[Turn]) -> list[dict[str, Any]]:
        """Turns of one side in a row are one message: Bedrock wants the sides to alternate."""
        messages: list[dict[str, Any]] = []
        for turn in turns:
            if turn.name is not None:
                self.lost.append("messages[].name")
            content = self.blocks(turn.content)
            if messages and messages[-1]["role"] == turn.role:
                messages[-1]["content"] += content
            elif content:
                messages.append({"role": turn.role, "content": content})
        return messages

    def blocks(self, contents: Sequence[Content]) -> list[dict[str, Any]]:
        """Content blocks, each with the cache point that it marks."""
        blocks: list[dict[str, Any]] = []
        for each in contents:
            block = self._block(each)
            if block is not None:
                blocks.append(block)
            if getattr(each, "cache", False) and blocks:
                blocks.append(_CACHE_POINT)
        return blocks

    def tool_config(self, question: Question) -> dict[str, Any] | None:
        choice = question.tool_choice
        if choice is not None and choice.mode == "none":
            # There is no such choice; and calls of earlier turns need their tools declared.
            if not _has_calls(question):
                return None
            self.lost.append("tool_choice")
        tools: list[dict[str, Any]] = []
        for tool in question.tools:
            spec: dict[str, Any] = {"name": tool.name}
            if tool.description:
                spec["description"] = tool.description
            spec["inputSchema"] = {"json": tool.schema or _EMPTY_SCHEMA}
            if tool.strict:
                spec["strict"] = True
            tools.append({"toolSpec": spec})
            if tool.cache:
                tools.append(_CACHE_POINT)
        if not tools:
            return None
        config: dict[str, Any] = {"tools": tools}
        if choice is not None and choice.mode != "none":
            config["toolChoice"] = _choice(choice.mode, choice.name)
        return config

    def output(self, question: Question) -> dict[str, Any]:
        said: dict[str, Any] = {}
        output, thinking = question.output, question.thinking
        if output is not None and output.kind == "schema":
            schema: dict[str, Any] = {"schema": jsonx.encode(output.schema).decode()}
            if output.name:
                schema["name"] = output.name
            said["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": schema}}
        elif output is not None:
            self.lost.append("output")
        effort = thinking.effort if thinking is not None else None
        if effort in (None, "none"):
            return said
        if self._family.effort:
            said["effort"] = "low" if effort == "minimal" else effort
        else:
            self.lost.append("thinking")
        return said

    def additional(self, question: Question) -> dict[str, Any]:
        """Fields that the model knows and Converse does not."""
        said: dict[str, Any] = {}
        if question.top_k is not None:
            value: Any = question.top_k
            for name in reversed(self._family.top_k):
                value = {name: value}
            if isinstance(value, dict):
                said |= value
            else:
                self.lost.append("top_k")
        thinking = question.thinking
        if thinking is not None and thinking.budget_tokens is not None:
            if self._family.budget and thinking.budget_tokens > 0:
                budget = thinking.budget_tokens
                said["thinking"] = {"type": "enabled", "budget_tokens": budget}
            elif thinking.budget_tokens > 0:
                self.lost.append("thinking")
        return said

    def refuse(self, question: Question) -> None:
        """Names what has no place in this dialect at all."""
        for name in ("presence_penalty", "frequency_penalty", "seed", "user"):
            if getattr(question, name) is not None:
                self.lost.append(name)
        if question.choices != 1:
            self.lost.append("choices")
        if question.parallel_tools is False:
            self.lost.append("parallel_tools")

    def _block(self, content: Content) -> dict[str, Any] | None:
        """One block; None for what says nothing, which Bedrock refuses."""
        if isinstance(content, TextContent):
            return {"text": content.text} if content.text.strip() else None
        if isinstance(content, MediaContent):
            return self._media(content)
        if isinstance(content, ThinkingContent):
            return self._reasoning(content)
        if isinstance(content, ToolUse):
            arguments = arguments_of(content.arguments, where=f"the tool call {content.id}")
            use = {"toolUseId": _id(content.id), "name": content.name, "input": arguments}
            return {"toolUse": use}
        return self._result(content)

    def _reasoning(self, thinking: ThinkingContent) -> dict[str, Any] | None:
        if thinking.redacted is not None:
            return {"reasoningContent": {"redactedContent": thinking.redacted}}
        if not is_sealed(thinking):  # Bedrock refuses it, as it does seals of other providers
            self.lost.append("messages[].thinking")
            return None
        text = {"text": thinking.text, "signature": thinking.signature}
        return {"reasoningContent": {"reasoningText": text}}

    def _result(self, result: ToolResult) -> dict[str, Any]:
        content = [block for each in result.content if (block := self._block(each)) is not None]
        if any(each.cache for each in result.content):
            self.lost.append("cache")
        said: dict[str, Any] = {"toolUseId": _id(result.id), "content": content}
        if result.is_error:
            said["status"] = "error"
        return {"toolResult": said}

    def _media(self, media: MediaContent) -> dict[str, Any]:
        if media.detail not in (None, "auto"):
            self.lost.append("messages[].content[].detail")
        self._files += 1
        return media_block(media, number=self._files)


def _inference(question: Question) -> dict[str, Any]:
    said = {
        "maxTokens": question.max_tokens,
        "temperature": question.temperature,
        "topP": question.top_p,
        "stopSequences": list(question.stop) or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _choice(mode: str, name: str | None) -> dict[str, Any]:
    if mode == "named" and name is not None:
        return {"tool": {"name": name}}
    return {"any": {}} if mode in ("required", "named") else {"auto": {}}


def _has_calls(question: Question) -> bool:
    return any(isinstance(each, ToolUse) for turn in question.turns for each in turn.content)


def _id(id: str) -> str:
    """The id of a call as Bedrock allows it: the same for the call and its result."""
    if _ID.fullmatch(id):
        return id
    return f"call_{hashlib.sha256(id.encode()).hexdigest()[:32]}"
