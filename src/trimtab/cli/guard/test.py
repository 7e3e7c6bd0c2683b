"""`trimtab guard test`: a policy tried on cases whose outcome is known."""

from __future__ import annotations

import asyncio
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.options import config_option, load_config
from trimtab.cli.output import emit, json_option, note, show_table
from trimtab.errors import ConfigError, InvalidRequest

if TYPE_CHECKING:
    from trimtab.guards.trial import TrialCase, Tried
    from trimtab.records import GuardPolicy


@click.command("test")
@json_option
@config_option
@click.argument("cases", metavar="CASES", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--policy",
    "named",
    metavar="NAME|FILE",
    help="A preset, a policy of the configuration, or a file with one.  [default: default]",
)
@click.option("--init", is_flag=True, help="Write CASES, with some to begin with.")
def command(as_json: bool, cases: Path, named: str | None, init: bool, **flags: Any) -> None:
    """Try a policy on CASES (.yaml or .jsonl) as if it were enforced; no server is needed.

    Exits 0 when all of them come out as expected, and 1 when one does not.
    """
    if init:
        _begin(cases)
        return
    from trimtab.guards.trial import Trial
    from trimtab.scorers.registry import resolve

    trial = Trial(_policy(named, flags), scorer=lambda name: resolve([name])[0])
    found = asyncio.run(trial.run(_cases(cases)))
    if as_json:
        emit(found, as_json)
    else:
        _show(found)
    click.get_current_context().exit(0 if all(one.passed for one in found) else 1)


def _show(found: list[Tried]) -> None:
    failed = [one for one in found if not one.passed]
    if failed:
        show_table(
            [
                [
                    one.case,
                    one.name or None,
                    one.where,
                    one.expect,
                    one.outcome,
                    ", ".join(one.rules) or None,
                    ", ".join(one.missing) or None,
                ]
                for one in failed
            ],
            ["case", "name", "where", "expected", "outcome", "rules", "kinds not found"],
        )
    click.echo(f"{len(found) - len(failed)} of {len(found)} cases as expected")


def _begin(path: Path) -> None:
    text = resources.files("trimtab.guards").joinpath("starter_cases.yaml").read_text("utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InvalidRequest(
            "the file is there already", where=str(path), fix="name another"
        ) from None
    except OSError as error:
        raise InvalidRequest(f"it cannot be written: {error}", where=str(path)) from None
    note(f"wrote {path}: try it with `trimtab guard test {path} --policy customer-facing`")


def _cases(path: Path) -> list[TrialCase]:
    from trimtab.config.entries import read_entries
    from trimtab.guards.trial import cases_of
    from trimtab.kit import jsonx

    if not path.is_file():
        raise InvalidRequest(
            "there is no such file", where=str(path), fix="write one, or have it by --init"
        )
    if path.suffix == ".jsonl":
        lines = [line for line in path.read_bytes().splitlines() if line.strip()]
        return cases_of([jsonx.decode(line, what=f"line {n}") for n, line in enumerate(lines, 1)])
    rows = read_entries(path).get("cases")
    if not isinstance(rows, list):
        raise InvalidRequest(
            "the file has no list `cases`", where=str(path), fix="have one written by --init"
        )
    return cases_of(rows)


def _policy(named: str | None, flags: dict[str, Any]) -> GuardPolicy:
    """A policy with all its rules, of a file, or by its name in the configuration."""
    from trimtab.guards.policies import DEFAULT, Policies
    from trimtab.records import GuardPolicy

    config = load_config(flags, secrets=False).config
    section = config.guards
    default = GuardPolicy(
        name=DEFAULT, extends=section.policy, rules=section.rules, record=section.record
    )
    if named and Path(named).is_file():
        policy = _of_file(Path(named))
        known = Policies([*section.policies, policy], default=default)
        return known.named(policy.project, policy.name)
    known = Policies(section.policies, default=default)
    try:
        return known.named(config.project, named or DEFAULT)
    except ConfigError as error:
        error.where = "--policy"
        raise


def _of_file(path: Path) -> GuardPolicy:
    import msgspec

    from trimtab.config.entries import read_entries
    from trimtab.records import GuardPolicy
    from trimtab.records.guard import policy_complaint

    given = {"name": path.stem, **read_entries(path)}
    try:
        policy = msgspec.convert(given, GuardPolicy)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"not a policy: {error}", where=str(path)) from None
    if complaint := policy_complaint(policy):
        raise InvalidRequest(f"a policy {complaint}", where=str(path), fix="correct it")
    return policy
