"""The neutral request: what is asked of a model, whichever dialect it was asked in.

Only for translation from one dialect to another; a request whose provider speaks its dialect is
never read into this.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from trimtab.kit.jsonx import Json

Detail = dict[str, Any]


class TextContent(msgspec.Struct, frozen=True, kw_only=True, tag="text"):
    """`cache` marks the end of a prefix that the provider should cache."""

    text: str
    cache: bool = False


class MediaContent(msgspec.Struct, frozen=True, kw_only=True, tag="media"):
    """An image, a sound or a document: by URL, or as base64 with its media type."""

    media_type: str
    url: str | None = None
    data: str | None = None
    name: str | None = None
    detail: str | None = None
    cache: bool = False


class ThinkingContent(msgspec.Struct, frozen=True, kw_only=True, tag="thinking"):
    """What a model thought in an earlier turn; see `parts.Reasoning`."""

    text: str = ""
    signature: str | None = None
    redacted: str | None = None


class ToolUse(msgspec.Struct, frozen=True, kw_only=True, tag="tool_use"):
    """A call that the model made in an earlier turn; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str
    cache: bool = False


class ToolResult(msgspec.Struct, frozen=True, kw_only=True, tag="tool_result"):
    id: str
    content: tuple[TextContent | MediaContent, ...]
    is_error: bool = False
    cache: bool = False


Content = TextContent | MediaContent | ThinkingContent | ToolUse | ToolResult


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What one side said before the other spoke again."""

    role: Literal["user", "assistant"]
    content: tuple[Content, ...]
    name: str | None = None


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    description: str | None = None
    schema: Json = None
    strict: bool | None = None
    cache: bool = False


class ToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    """`named` goes with a name; `required` means any of the tools."""

    mode: Literal["auto", "none", "required", "named"]
    name: str | None = None


class OutputFormat(msgspec.Struct, frozen=True, kw_only=True):
    """JSON of any shape, or of one schema."""

    kind: Literal["json", "schema"]
    name: str = ""
    schema: Json = None
    strict: bool | None = None


class Thinking(msgspec.Struct, frozen=True, kw_only=True):
    """How much a model may think: in words of one family of providers, in tokens of another."""

    effort: str | None = None
    budget_tokens: int | None = None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A whole request. None means that the caller left it to the provider.

    `lost` names the fields of the original (JSON paths) that have no place here.
    """

    system: tuple[TextContent, ...] = ()
    turns: tuple[Turn, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    choices: int = 1
    output: OutputFormat | None = None
    thinking: Thinking | None = None
    user: str | None = None
    stream: bool = False
    lost: tuple[str, ...] = ()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question written in a dialect: its JSON body, and what could not be said in it.

    `lost` names fields as the caller of the original wrote them where known, else neutral ones.
    """

    body: bytes
    lost: tuple[str, ...] = ()
