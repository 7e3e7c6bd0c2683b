"""Prompt: a versioned template of messages."""

from __future__ import annotations

from typing import Any

from trimtab.kit.hashing import digest
from trimtab.records.message import Message
from trimtab.records.record import Record


class Prompt(Record, frozen=True, kw_only=True):
    """One immutable version of a message template (Jinja, sandboxed).

    `parameters` are sampling parameters that go with the words; they and `tools` are in the shape
    of OpenAI's chat completions. `output_schema` is a JSON schema, or a whole `response_format` of
    the type `json_schema`.
    """

    name: str
    version: int
    project: str = "default"
    messages: tuple[Message, ...]
    variables: tuple[str, ...] = ()
    parameters: dict[str, Any] = {}
    tools: tuple[dict[str, Any], ...] = ()
    output_schema: dict[str, Any] | None = None
    labels: tuple[str, ...] = ()
    digest: str
    created_ns: int

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"


def prompt_digest(
    messages: tuple[Message, ...],
    parameters: dict[str, Any],
    tools: tuple[dict[str, Any], ...] = (),
    output_schema: dict[str, Any] | None = None,
) -> str:
    """Hash of everything that can change an answer; labels and dates cannot."""
    return digest([messages, parameters, tools, output_schema])
