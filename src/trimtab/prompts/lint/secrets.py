"""Credentials in a prompt: where they are and of which kind, never what they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trimtab.kit import jsonx
from trimtab.prompts.lint.finding import Finding, Part, parts
from trimtab.records import Prompt, PromptBundle
from trimtab.signals.secrets.places import Secret, secrets_at


def secrets_of(prompt: Prompt) -> list[Secret]:
    """Those of a prompt itself, without what it takes in."""
    return list(_found(prompt, [*parts(PromptBundle(prompt=prompt))]))


def about_secrets(bundle: PromptBundle, texts: Sequence[Part]) -> Iterator[Finding]:
    """Credentials; no finding says what they are, only of which kind."""
    for one in _found(bundle.prompt, texts):
        yield Finding(
            code="secret",
            severity="error",
            message=f"there is what looks like a credential ({one.words})",
            where=one.where,
            fix="take it out and revoke it: versions of a prompt are never forgotten",
        )


def _found(prompt: Prompt, given: Sequence[Part]) -> Iterator[Secret]:
    others: list[tuple[str, Any]] = [
        ("parameters", prompt.parameters),
        ("tools", prompt.tools),
        ("output_schema", prompt.output_schema),
        ("declared", prompt.declared),
        ("shots", prompt.shots),
        ("note", prompt.note),
    ]
    texts = [(part.where, part.text) for part in given]
    texts += [(where, jsonx.encode(value).decode()) for where, value in others if value]
    return secrets_at(texts)
