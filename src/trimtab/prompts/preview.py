"""Preview: what a prompt becomes with some values, how long it is, and what it would cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.dialects.llm.text_size import text_size
from trimtab.prompts.lint import Finding, lint
from trimtab.prompts.lint.length import brought_bytes, most_output, tokens_of
from trimtab.prompts.template import CompiledPrompt
from trimtab.records import Message, ModelCard, PromptBundle, Usage, cost_usd


class ModelPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a rendered prompt is to a model; every figure is an estimate.

    `cost_usd` is that of the input alone, `most_usd` with an answer as long as the parameters
    allow; None where there is no price, or no limit of the answer. `fits` is None where the window
    of the model is not known.
    """

    model: str
    context_tokens: int | None
    fits: bool | None
    cost_usd: Decimal | None
    most_usd: Decimal | None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt rendered. `tokens` is estimated: bytes / 4, tools and schema included."""

    ref: str
    messages: list[Message]
    tokens: int
    most_output_tokens: int | None
    models: list[ModelPreview]
    warnings: list[Finding]


def preview(
    bundle: PromptBundle, values: Mapping[str, Any], models: Iterable[ModelCard] = ()
) -> Preview:
    """Render a prompt as a call with these values would.

    Raises:
        InvalidRequest: it does not compile, or values are missing or of the wrong type.
    """
    models = list(models)
    messages = CompiledPrompt.of(bundle).render(values)
    size = brought_bytes(bundle.prompt) + sum(
        len(message.text.encode())
        if isinstance(message.content, str)
        else text_size([message.content])
        for message in messages
    )
    tokens, output = tokens_of(size), most_output(bundle.prompt.parameters)
    rows = [_of_model(model, tokens, output) for model in models]
    return Preview(
        ref=bundle.prompt.ref,
        messages=messages,
        tokens=tokens,
        most_output_tokens=output,
        models=rows,
        warnings=[*_too_long(rows, tokens, output), *_but_length(bundle)],
    )


def _of_model(model: ModelCard, tokens: int, output: int | None) -> ModelPreview:
    window = model.context_tokens
    return ModelPreview(
        model=model.id,
        context_tokens=window,
        fits=None if window is None else tokens + (output or 0) <= window,
        cost_usd=cost_usd(Usage(input=tokens), model.price),
        most_usd=None
        if output is None
        else cost_usd(Usage(input=tokens, output=output), model.price),
    )


def _too_long(rows: Iterable[ModelPreview], tokens: int, output: int | None) -> Iterable[Finding]:
    answer = f" and an answer of {output}" if output else ""
    for row in rows:
        if row.fits is False:
            yield Finding(
                code="too_long",
                severity="error",
                message=f"about {tokens} tokens{answer} do not fit into the"
                f" {row.context_tokens} of {row.model}",
                where="messages",
                fix="shorten the values or the prompt, or name a model with a larger window",
            )


def _but_length(bundle: PromptBundle) -> Iterable[Finding]:
    """What lint says without the models: how long it is, is known better here."""
    return (one for one in lint(bundle, renders=True) if one.severity != "hint")
