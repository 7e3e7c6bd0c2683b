"""`trimtab prompts lint` and `preview`: what can be known of a prompt without asking a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from trimtab.cli.columns import usd
from trimtab.cli.connect import client_options, connected
from trimtab.cli.failures import printable
from trimtab.cli.output import emit, note, table
from trimtab.client import api_path
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx


@click.command("lint")
@client_options
@click.argument("what", metavar="FILE|REF")
@click.option(
    "--window",
    type=click.IntRange(min=1),
    metavar="TOKENS",
    help="The window of the model that a file is for.",
)
@click.option("--strict", is_flag=True, help="Fail on warnings as well as on errors.")
def linted(
    as_json: bool,
    what: str,
    window: int | None,
    strict: bool,
    **flags: Any,
) -> None:
    """Say what should be mended in a prompt: a file, or a version in the registry.

    A file needs no server: the prompts that it takes in are looked for beside it. Exits with 1 if
    there is an error.
    """
    path = Path(what)
    if path.is_file():
        found: Sequence[Mapping[str, Any]] = _of_file(path, window)
    else:
        with connected(flags) as client:
            found = client.get(api_path("prompts", what, "lint"))["data"]
    emit(found, as_json, text=lambda: _findings(what, found))
    grave = {"error", "warning"} if strict else {"error"}
    if any(one["severity"] in grave for one in found):
        click.get_current_context().exit(1)


def _of_file(path: Path, window: int | None) -> Sequence[Mapping[str, Any]]:
    from trimtab.cli.prompts.folder import naming, read_file, read_files
    from trimtab.prompts.lint import lint
    from trimtab.prompts.sync import unstored
    from trimtab.records import ModelCard

    beside = {one.file.draft.name: one.file for one in read_files(path.parent)}
    models = [ModelCard(id=f"a window of {window}", provider="", context_tokens=window)]
    with naming(path):
        bundle = unstored(read_file(path).file, beside)
    found = lint(bundle, models if window else ())
    built: list[Mapping[str, Any]] = msgspec.to_builtins(found)
    return built


def _findings(what: str, found: Sequence[Mapping[str, Any]]) -> str:
    if not found:
        return f"{what}: nothing to mend"
    lines = []
    for one in found:
        lines.append(f"{one['severity']} {one['code']}: {one['message']} (at {one['where']})")
        lines.append(f"  {one['fix']}")
    return printable("\n".join(lines))


@click.command("preview")
@client_options
@click.argument("ref")
@click.option("--var", "pairs", multiple=True, metavar="NAME=VALUE", help="A value; text.")
@click.option("--vars", "values", metavar="JSON", help="Values as a JSON object, or @FILE.")
@click.option("--model", "models", multiple=True, help="Estimate the cost for this model.")
def previewed(
    as_json: bool,
    ref: str,
    pairs: tuple[str, ...],
    values: str | None,
    models: tuple[str, ...],
    **flags: Any,
) -> None:
    """Show what a prompt becomes with some values, how long it is, and what it would cost."""
    variables = _values(values) | dict(_pair(one) for one in pairs)
    with connected(flags) as client:
        body = {"variables": variables, "models": models}
        seen = client.post(api_path("prompts", ref, "preview"), body)
    emit(seen, as_json, text=lambda: _preview(seen))
    if not as_json:
        for one in seen["warnings"]:
            note(f"{one['severity']}: {one['message']} (at {one['where']})")


def _values(given: str | None) -> dict[str, Any]:
    if given is None:
        return {}
    try:
        text = Path(given[1:]).read_bytes() if given.startswith("@") else given.encode()
    except OSError as error:
        raise InvalidRequest(
            f"{given[1:]} cannot be read: {error.strerror}", where="--vars", fix="name another file"
        ) from None
    return jsonx.decode(text, dict[str, Any], what="--vars")


def _pair(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals:
        raise InvalidRequest(f"{given[:50]!r} is no value", where="--var", fix="write NAME=VALUE")
    return name, value


def _preview(seen: Mapping[str, Any]) -> str:
    lines = []
    for message in seen["messages"]:
        content = message["content"]
        text = content if isinstance(content, str) else jsonx.encode(content).decode()
        lines += [f"## {message['role']}", "", text, ""]
    output = seen["most_output_tokens"]
    answer = f", an answer of at most {output}" if output else ""
    lines.append(f"{seen['ref']}: about {seen['tokens']} tokens{answer}")
    text = printable("\n".join(lines))
    if not seen["models"]:
        return text
    rows = [
        [
            row["model"],
            row["context_tokens"],
            {True: "yes", False: "no", None: None}[row["fits"]],
            usd(row["cost_usd"]),
            usd(row["most_usd"]),
        ]
        for row in seen["models"]
    ]
    columns = ["model", "window", "fits", "input USD", "with the longest answer"]
    return f"{text}\n\n{table(rows, columns, right=columns[3:])}"
