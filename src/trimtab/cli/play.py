"""`trimtab play`: prompts and models tried side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, is_fancy, note, show_table
from trimtab.cli.play_view import Board, Side
from trimtab.client import Client, api_path
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx

_FAILED = 4


@click.command()
@client_options
@click.argument("prompt", required=False)
@click.option(
    "--model", "models", multiple=True, help="A model, route or release; once for each column."
)
@click.option("--var", "pairs", multiple=True, metavar="NAME=VALUE", help="A variable; text.")
@click.option("--param", "settings", multiple=True, metavar="NAME=JSON", help="A parameter.")
@click.option("--system", type=click.File(), help="A file with the system text, as a template.")
@click.option("--message", help="What the user says.")
@click.option("--span", metavar="TRACE/SPAN", help="Ask a recorded call again.")
@click.option("--dataset", help="Run the columns over a dataset, and stream nothing.")
@click.option("--scorer", "scorers", multiple=True, help="A scorer of the runs.  [default: all]")
@click.option("--save", metavar="NAME", help="Write the words as a version of this prompt.")
def command(
    as_json: bool,
    dataset: str | None,
    scorers: tuple[str, ...],
    save: str | None,
    span: str | None,
    models: tuple[str, ...],
    **given: Any,
) -> None:
    """Ask PROMPT, a message or a recorded call of one or more models, side by side.

    Answers stream in columns on a terminal, and one after the other elsewhere; --json prints every
    event as a line. With --dataset there is a run for each model instead, to be compared with
    `trimtab compare`. It exits with 4 when a column failed.
    """
    flags = {name: given.pop(name) for name in ("url", "key", "data", "config")}
    with connected(flags) as client:
        words = _recorded(client, span, **given) if span is not None else _words(**given)
        if dataset is None:
            _require_words(words)
        columns = _columns(words, models)
        if dataset is not None:
            good = _run(client, columns, dataset, scorers, as_json=as_json)
            if not good:
                click.get_current_context().exit(_FAILED)
        elif not _play(client, columns, as_json=as_json):
            click.get_current_context().exit(_FAILED)
        if save is not None:
            body = {"column": columns[0], "name": save, "with_messages": "prompt" not in words}
            saved = client.post("/api/v1/playground/save", body)
            note(f"saved as {saved['name']}@{saved['version']}")


def _words(
    *,
    prompt: str | None,
    pairs: Sequence[str],
    settings: Sequence[str],
    system: TextIO | None,
    message: str | None,
) -> dict[str, Any]:
    """A column without its model. Raises InvalidRequest."""
    words: dict[str, Any] = {"variables": dict(map(_pair, pairs)), "parameters": _set(settings)}
    if prompt is not None and system is not None:
        raise InvalidRequest("a prompt and a system text", where="--system", fix="give one of them")
    if prompt is not None:
        words["prompt"] = prompt
    if system is not None:
        words["draft"] = {"messages": [{"role": "system", "content": system.read()}]}
    if message is not None:
        words["messages"] = [{"role": "user", "content": message}]
    return words


def _require_words(words: Mapping[str, Any]) -> None:
    """Raises InvalidRequest. Over a dataset the rows bring them."""
    if not words.keys() & {"prompt", "draft", "messages"}:
        raise InvalidRequest(
            "there is nothing to ask", where="PROMPT", fix="name a prompt, or give --message"
        )


def _recorded(
    client: Client,
    span: str,
    *,
    prompt: str | None,
    pairs: Sequence[str],
    settings: Sequence[str],
    system: TextIO | None,
    message: str | None,
) -> dict[str, Any]:
    """A recorded call as a column, with what the options say in the place of its own."""
    trace_id, _, span_id = span.partition("/")
    if prompt is not None or not span_id:
        raise InvalidRequest(
            f"{span[:60]!r} with {prompt!r}" if prompt else f"{span[:60]!r} is no span",
            where="--span",
            fix="write TRACE/SPAN, and name no prompt",
        )
    found = client.get(api_path("playground", "from-span", trace_id, span_id))
    for mark in found["marks"]:
        note(f"{mark['where']}: {mark['what']} ({mark['kind']})")
    if found["lost"]:
        note(f"not sent again: {', '.join(found['lost'])}")
    if found["unknown"]:
        note(f"not on record: {', '.join(found['unknown'])}")
    column: dict[str, Any] = {
        name: value for name, value in found["column"].items() if value not in (None, "", [], {})
    }
    column["variables"] = {**column.get("variables", {}), **dict(map(_pair, pairs))}
    column["parameters"] = {**column.get("parameters", {}), **_set(settings)}
    turns = list(column.get("messages", []))
    if "prompt" in column and (
        system is not None or (message is not None and not any(t["role"] == "user" for t in turns))
    ):
        raise InvalidRequest(
            f"the words of this call are those of the prompt {column['prompt']}",
            where="--span",
            fix="name the call of the model below it, which has them as they were sent, or give"
            " --var for other values",
        )
    if system is not None:
        kept = [turn for turn in turns if turn["role"] not in ("system", "developer")]
        turns = [{"role": "system", "content": system.read()}, *kept]
    if message is not None:
        places = [place for place, turn in enumerate(turns) if turn["role"] == "user"]
        turns = turns[: places[-1]] if places else turns
        turns.append({"role": "user", "content": message})
    column["messages"] = turns
    return column


def _columns(words: dict[str, Any], models: Sequence[str]) -> list[dict[str, Any]]:
    named = list(models) or [words["model"]] if "model" in words else list(models)
    if not named:
        raise InvalidRequest(
            "no model is named", where="--model", fix="give --model, once for each column"
        )
    return [{**words, "model": model} for model in named]


def _pair(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not (name and equals):
        raise InvalidRequest(f"{given[:50]!r} is no value", where="--var", fix="write NAME=VALUE")
    return name, value


def _set(settings: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for given in settings:
        name, equals, value = given.partition("=")
        try:
            found[name] = jsonx.decode(value.encode())
        except InvalidRequest:
            found[name] = value
        if not (name and equals):
            raise InvalidRequest(
                f"{given[:50]!r} is no parameter", where="--param", fix="write temperature=0.2"
            )
    return found


def _play(client: Client, columns: Sequence[dict[str, Any]], *, as_json: bool) -> bool:
    """Whether every column was answered."""
    events = client.play(columns)
    if as_json:
        return _as_lines(events)
    sides = [Side(str(place), _title(one)) for place, one in enumerate(columns, 1)]
    board = Board(sides)
    if is_fancy(sys.stdout):
        board.live(events)
    else:
        board.plain(events)
    return all(side.end == "finished" for side in sides)


def _as_lines(events: Iterator[tuple[str, dict[str, Any]]]) -> bool:
    good = True
    for name, said in events:
        good = good and name not in ("failed", "cancelled")
        click.echo(jsonx.encode({"event": name, **said}))
        sys.stdout.flush()
    return good


def _title(column: dict[str, Any]) -> str:
    words = column.get("prompt") or ("draft" if "draft" in column else "")
    return f"{words} × {column['model']}" if words else str(column["model"])


def _run(
    client: Client,
    columns: Sequence[dict[str, Any]],
    dataset: str,
    scorers: Sequence[str],
    *,
    as_json: bool,
) -> bool:
    """Whether no run failed."""
    body = {"columns": columns, "dataset": dataset, "scorers": scorers}
    runs = client.post("/api/v1/playground/runs", body)["data"]
    ended = []
    for run in runs:
        *_, last = client.watch(run["run_id"])
        ended.append(last)
    failed = [run for run in ended if run["status"] != "done"]
    if as_json:
        emit(ended, as_json)
    else:
        _show(ended)
    for run in failed:
        note(f"{run['run_id']} {run['status']}: {_reason(client, run)}")
    return not failed


def _show(ended: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        [run["run_id"], run["task"], run["status"], f"{run['done']}/{run['total']}"]
        for run in ended
    ]
    show_table(rows, ["run", "task", "status", "done"])
    if len(ended) > 1:
        note(f"compare two: trimtab compare {ended[1]['run_id']} {ended[0]['run_id']}")


def _reason(client: Client, run: Mapping[str, Any]) -> str:
    """Why a run failed: its own error, or else that of its first call that failed."""
    if run.get("error"):
        return str(run["error"])
    errors = (one["error"] for one in client.results(run["run_id"]) if one.get("error"))
    return next(errors, "nobody knows why")
