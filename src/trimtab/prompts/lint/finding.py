"""What a check of a prompt finds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from trimtab.records import Message, PromptBundle, text_of

Severity = Literal["error", "warning", "hint"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that should be mended, or at least be looked at.

    `where` is the part of the prompt, of a template with its line. `fix` says what to do.
    """

    code: str
    severity: Severity
    message: str
    where: str
    fix: str


class Part(NamedTuple):
    """A template of a prompt, or of one that it takes in."""

    where: str
    role: str
    text: str
    own: bool

    def at(self, line: int) -> str:
        return f"{self.where}, line {line}" if "\n" in self.text else self.where

    def line_of(self, place: int) -> int:
        return self.text.count("\n", 0, place) + 1


def parts(bundle: PromptBundle) -> Iterator[Part]:
    """The templates in the order of the messages, then those that are taken in."""
    for index, message in enumerate(bundle.prompt.messages):
        if text := _text(message):
            yield Part(f"message {index}", message.role, text, own=True)
    taker = bundle.prompt.messages[0].role if bundle.prompt.messages else "system"
    for partial in bundle.partials:
        for message in partial.messages:
            if text := _text(message):
                yield Part(f"prompt {partial.ref}", taker, text, own=False)


def _text(message: Message) -> str:
    return message.content if isinstance(message.content, str) else text_of(message.content)
