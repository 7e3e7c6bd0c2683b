"""`trimtab datasets`: new versions made of old ones or of failures, and removal."""

from __future__ import annotations

import sys
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.datasets.said import figures, stored
from trimtab.cli.output import emit
from trimtab.client import api_path
from trimtab.errors import InvalidRequest


@click.command("curate")
@client_options
@click.argument("name")
@click.option("--score", required=True, help="The score that was failed.")
@click.option("--below", type=float, help="Take values below this, instead of what did not pass.")
def curated(as_json: bool, name: str, score: str, below: float | None, **flags: Any) -> None:
    """Add the calls that failed a score to a dataset."""
    with connected(flags) as client:
        body = {"score": score, "below": below}
        dataset = client.post(api_path("datasets", name, "curate"), body)
    emit(dataset, as_json, text=lambda: stored(dataset))


@click.command("split")
@client_options
@click.argument("ref", metavar="NAME")
@click.option(
    "--ratio", default="train=.8,test=.2", show_default=True, help="The share of each split."
)
@click.option("--seed", default="", help="Another one draws other splits.")
def split(as_json: bool, ref: str, ratio: str, seed: str, **flags: Any) -> None:
    """Put each row into a split, those of one cluster into the same, as the next version.

    A row is always drawn into the same split, whatever is added later.
    """
    from trimtab.datasets.splitting import parse_ratio

    shares = parse_ratio(ratio)
    with connected(flags) as client:
        dataset = client.split_dataset(ref, shares, seed=seed)
    emit(dataset, as_json, text=lambda: figures(dataset))


@click.command("dedupe")
@client_options
@click.argument("ref", metavar="NAME")
@click.option(
    "--near",
    type=click.FloatRange(0, 1, min_open=True),
    help="Leave out rows this much like an earlier one too, for example 0.8.",
)
def deduped(as_json: bool, ref: str, near: float | None, **flags: Any) -> None:
    """Leave out rows with the input of an earlier one, as the next version."""
    with connected(flags) as client:
        before = client.get(api_path("datasets", ref))
        dataset = client.post(api_path("datasets", ref, "dedupe"), {"near": near})
    left_out = before["size"] - dataset["size"]
    emit(dataset, as_json, text=lambda: f"{stored(dataset)}, {left_out} left out")


@click.command("remove")
@client_options
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def removed(as_json: bool, name: str, yes: bool, **flags: Any) -> None:
    """Remove all versions of a dataset, for good.

    Asks on a terminal; elsewhere it wants --yes.
    """
    with connected(flags) as client:
        newest = client.get(api_path("datasets", name))
        if not yes:
            _ask(f"all versions of {newest['name']}, the newest with {newest['size']} examples")
        versions = client.remove_dataset(newest["name"])
    done = {"name": newest["name"], "versions": versions}
    emit(done, as_json, text=lambda: f"removed {versions} versions of {newest['name']}")


def _ask(what: str) -> None:
    """Raises click.Abort on a no, InvalidRequest where nobody can be asked."""
    if not sys.stdin.isatty():
        raise InvalidRequest(
            f"this removes {what}, for good", where="--yes", fix="add --yes to do it"
        )
    click.confirm(f"Remove {what}, for good?", abort=True, err=True)
