"""Lint: what can be said against a prompt without asking a model.

A bundle comes in, findings go out, the grave ones first. `many_jobs` is a guess, the length is an
estimate, and a prompt without findings is not thereby a good one: that takes an evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.prompts.lint.finding import SEVERITIES, Finding, Severity, parts
from trimtab.prompts.lint.length import about_length
from trimtab.prompts.lint.rendering import about_rendering
from trimtab.prompts.lint.secrets import about_secrets
from trimtab.prompts.lint.settings import about_parameters, about_schema
from trimtab.prompts.lint.slots import about_slots
from trimtab.prompts.lint.variables import about_variables
from trimtab.prompts.lint.words import about_jobs, about_output
from trimtab.records import ModelCard, PromptBundle

__all__ = ["Finding", "Severity", "lint"]


def lint(
    bundle: PromptBundle, models: Iterable[ModelCard] = (), *, renders: bool = False
) -> list[Finding]:
    """What should be mended in a prompt, or looked at.

    Args:
        models: those that may answer it, whose windows it has to fit.
        renders: it was rendered just now, and need not be tried.

    >>> from trimtab.records import Message, Prompt
    >>> prompt = Prompt(name="p", version=1, digest="", created_ns=1, variables=("name",),
    ...     messages=(Message(role="system", content="You help {{ name }} with mail."),))
    >>> [finding.code for finding in lint(PromptBundle(prompt=prompt))]
    ['open_slot', 'undeclared_variable']
    """
    prompt, texts = bundle.prompt, list(parts(bundle))
    found = [
        *about_secrets(bundle, texts),
        *(() if renders else about_rendering(bundle)),
        *about_variables(bundle, texts),
        *about_slots(prompt, texts),
        *about_output(prompt, texts),
        *about_parameters(prompt),
        *about_schema(prompt),
        *about_length(bundle, texts, models),
        *about_jobs(texts),
    ]
    if not prompt.messages:
        found.append(_none())
    for index, message in enumerate(prompt.messages):
        if isinstance(message.content, str) and not message.content.strip():
            found.append(_empty(index))
    return sorted(found, key=lambda one: SEVERITIES.index(one.severity))


def _none() -> Finding:
    return Finding(
        code="empty_message",
        severity="error",
        message="the prompt has no message, and cannot be stored",
        where="messages",
        fix="write one",
    )


def _empty(index: int) -> Finding:
    return Finding(
        code="empty_message",
        severity="warning",
        message="the message has no text",
        where=f"message {index}",
        fix="write it or take it out",
    )
