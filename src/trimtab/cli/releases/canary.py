"""A canary, begun, changed and ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit
from trimtab.cli.releases.said import ref_of, segment_text, state_of, watch_text
from trimtab.client import api_path

_EVERYBODY = "everybody"
_NOTHING = "nothing"
_NUMBERS = ("limit", "low", "high", "margin")
_LISTS = {"user": "users", "team": "teams", "key": "keys", "environment": "environments"}
_METADATA = "metadata."
_FIGURES = ("error", "blocked", "slow", "cost", "score")


class Share(click.ParamType[float]):
    """A share of the requests: `5%`, or `0.05`."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> float:
        text = str(value).strip()
        number = text.removesuffix("%")
        try:
            share = float(number) / (100 if text.endswith("%") else 1)
        except ValueError:
            self.fail(f"{text!r} is no share; write 5% or 0.05", param, context)
        if share >= 1 and not text.endswith("%"):
            self.fail(f"{text} is all or more; write {number}% for so many in a hundred")
        return share


@click.command("canary")
@client_options
@click.argument("ref")
@click.option("--share", type=Share(), metavar="SHARE", help="How much of the requests: 5%.")
@click.option(
    "--segment",
    "segments",
    multiple=True,
    metavar="WHO=NAME",
    help="Only requests of this user, team, key, environment or metadata.NAME; may be repeated;"
    " `everybody` for all.",
)
@click.option(
    "--watch",
    "watches",
    multiple=True,
    metavar="FIGURE",
    help="End it when error, blocked, slow,limit=MS, cost,limit=USD or score=NAME is proved worse,"
    " by more than ,margin=N; may be repeated; `nothing` for none.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="The chance of a false alarm over all figures.",
)
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(1, 86_400),
    metavar="SECONDS",
    help="How often it is watched, 1 at least.",
)
@click.option(
    "--window",
    "window_s",
    type=click.FloatRange(60, 31_536_000),
    metavar="SECONDS",
    help="How long each stretch is that is also looked at for itself, 60 at least.",
)
@click.option("--stop", is_flag=True, help="End it; the live release answers everything.")
@click.option("--reason", help="Why, for the record.")
def tried(
    as_json: bool,
    ref: str,
    share: float | None,
    segments: Sequence[str],
    watches: Sequence[str],
    stop: bool,
    reason: str | None,
    **flags: Any,
) -> None:
    """Let a release answer a share of its route's requests, to see how it does.

    The same session or user always gets the same release, also when the share grows. A route has
    one canary; `promote` makes it live, `--stop` takes its share away. What is not said stays as it
    is: its segment, and what it is watched for.
    """
    if stop is (share is not None):
        raise click.UsageError("give --share SHARE, or --stop to end it")
    given = {name: flags.pop(name) for name in ("alpha", "every_s", "window_s")}
    timing = {name: value for name, value in given.items() if value is not None}
    if timing and not watches:
        raise click.UsageError("--alpha, --every and --window go with --watch")
    body: dict[str, Any] = {"share": share, "reason": reason}
    if segments:
        body["segment"] = _segment(segments)
    if watches:
        body["watch"] = _watch(watches, timing)
    with connected(flags) as client:
        path = api_path("releases", ref, "canary")
        if stop:
            release = client.delete(path, {"reason": reason} if reason else None)
        else:
            release = client.post(path, body)
    emit(release, as_json, text=lambda: _said(release))


def _said(release: dict[str, Any]) -> str:
    lines = [f"{ref_of(release)} is a {state_of(release)}"]
    lines += [f"  {text}" for text in (segment_text(release["segment"]),) if text]
    lines += [f"  {text}" for text in (watch_text(release["watch"]),) if text]
    return "\n".join(lines)


def _segment(given: Sequence[str]) -> dict[str, Any] | None:
    """
    >>> _segment(["user=ada", "user=bob", "team=search", "metadata.plan=free"])
    {'users': ['ada', 'bob'], 'teams': ['search'], 'attributes': {'plan': 'free'}}
    """
    if list(given) == [_EVERYBODY]:
        return None
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise click.UsageError(f"--segment {text!r} is not WHO=NAME, like user=ada")
        if name.startswith(_METADATA):
            found.setdefault("attributes", {})[name.removeprefix(_METADATA)] = value
        elif name in _LISTS:
            found.setdefault(_LISTS[name], []).append(value)
        else:
            known = ", ".join([*_LISTS, f"{_METADATA}NAME"])
            raise click.UsageError(f"--segment knows no {name!r}; it knows {known}")
    return found


def _watch(given: Sequence[str], timing: Mapping[str, float]) -> dict[str, Any] | None:
    """
    >>> _watch(["slow,limit=2000,margin=0.05", "score=helpful"], {})["figures"]
    [{'figure': 'slow', 'limit': 2000.0, 'margin': 0.05}, {'figure': 'score', 'score': 'helpful'}]
    """
    if list(given) == [_NOTHING]:
        return None
    return {"figures": [_figure(text) for text in given], **timing}


def _figure(text: str) -> dict[str, Any]:
    head, *rest = text.split(",")
    figure, _, score = head.partition("=")
    if figure not in _FIGURES:
        near = get_close_matches(figure[:40], _FIGURES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise click.UsageError(
            f"--watch knows no figure {figure[:40]!r}; {hint}It knows error, blocked,"
            " slow,limit=MS, cost,limit=USD and score=NAME"
        )
    found: dict[str, Any] = {"figure": figure} | ({"score": score} if score else {})
    for part in rest:
        name, _, value = part.partition("=")
        if name == "better" and value in ("higher", "lower"):
            found["higher_is_better"] = value == "higher"
            continue
        try:
            if name not in _NUMBERS:
                raise ValueError(name)
            found[name] = float(value)
        except ValueError:
            raise click.UsageError(
                f"--watch {text!r}: {part!r} is none of limit=N, margin=N, low=N, high=N and"
                " better=lower"
            ) from None
    return found
