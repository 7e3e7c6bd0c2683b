"""What is set beside the words: parameters that no provider takes, schemas that hold nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trimtab.dialects.llm.votes import votes_of
from trimtab.errors import InvalidRequest
from trimtab.prompts.lint.finding import Finding
from trimtab.records import Prompt, Variable
from trimtab.records.prompt import VariableType
from trimtab.templates.variables import article, fits

# Of OpenAI's chat completions, by their reference.
_TYPES: Mapping[str, VariableType] = {
    **dict.fromkeys(("temperature", "top_p", "frequency_penalty", "presence_penalty"), "number"),
    **dict.fromkeys(("max_tokens", "max_completion_tokens", "n", "seed"), "integer"),
}


def about_schema(prompt: Prompt) -> Iterator[Finding]:
    schema = _inner(prompt.output_schema)
    if schema is None:
        return
    from jsonschema import Draft202012Validator  # costs a tenth of a second, and few have a schema
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = "".join(f".{one}" for one in error.absolute_path)
        yield Finding(
            code="bad_schema",
            severity="error",
            message=f"it is no JSON Schema: {error.message[:200]}",
            where=f"output_schema{place}",
            fix="correct it: no answer can be held to it",
        )


def _inner(schema: Mapping[str, Any] | None) -> Any:
    """The schema itself, where it came in a whole `response_format`."""
    if schema is not None and schema.get("type") == "json_schema":
        named = schema.get("json_schema")
        return named.get("schema") if isinstance(named, Mapping) else None
    return schema


def about_parameters(prompt: Prompt) -> Iterator[Finding]:
    yield from _of_another_type(prompt.parameters)
    temperature, votes = prompt.parameters.get("temperature"), _votes(prompt)
    if votes > 1 and temperature == 0:
        yield Finding(
            code="votes_without_spread",
            severity="warning",
            message=f"{votes} answers are asked for at temperature 0: they will be about the same",
            where="parameters.temperature",
            fix="ask once, or give it a temperature of 0.5 to 1 so that a vote says something",
        )
    hot = isinstance(temperature, int | float) and temperature > 1
    if hot and (prompt.output_schema is not None or prompt.tools):
        yield Finding(
            code="hot_structure",
            severity="warning",
            message=f"structured answers at temperature {temperature:g} break more often",
            where="parameters.temperature",
            fix="use 1 or less",
        )


def _votes(prompt: Prompt) -> int:
    """How many answers are asked for at once, to be voted on or chosen from."""
    try:
        own = votes_of(prompt.parameters)
    except InvalidRequest:
        own = None
    asked = prompt.parameters.get("n")
    return max(own.votes if own is not None else 1, asked if isinstance(asked, int) else 1)


def _of_another_type(parameters: Mapping[str, Any]) -> Iterator[Finding]:
    for name, value in parameters.items():
        kind = _TYPES.get(name)
        if kind is None or value is None or fits(Variable(name=name, type=kind), value):
            continue
        yield Finding(
            code="bad_parameter",
            severity="error",
            message=f"{name!r} must be {article(kind)}",
            where=f"parameters.{name}",
            fix=f"write {article(kind)}, or leave it out",
        )
