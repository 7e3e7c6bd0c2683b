"""`trimtab guard calibrate`: the threshold of a false-positive rate, on texts of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, note
from trimtab.client import Client, api_path
from trimtab.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trimtab.guards.calibrate import Labelled


@click.command("calibrate")
@client_options
@click.argument("signal")
@click.option(
    "--fpr",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    help="The share of harmless texts that may fire.",
)
@click.option(
    "--texts",
    type=click.File("rb"),
    metavar="FILE",
    help='Texts, a JSON object a line: {"text": ..., "label": 0 or 1}.',
)
@click.option("--since", help="Recorded calls of this long: 24h, 30d.")
@click.option("--filter", "where", default="", help="Which recorded calls: route:chat.")
@click.option(
    "--on",
    type=click.Choice(["input", "output"]),
    default="input",
    show_default=True,
    help="Their questions or their answers.",
)
@click.option("--limit", type=int, default=5000, show_default=True, help="How many calls.")
@click.option("--policy", default="default", show_default=True, help="With --write: which.")
@click.option("--write", "writes", is_flag=True, help="Set the threshold in the policy.")
def command(
    as_json: bool,
    signal: str,
    fpr: float,
    texts: IO[bytes] | None,
    policy: str,
    writes: bool,
    **flags: Any,
) -> None:
    """Find the threshold at which SIGNAL fires on a share --fpr of your own harmless texts.

    The texts are those of --texts, or of recorded calls. One without a label counts as harmless.
    With labels the recall that the threshold costs is told too.
    """
    if texts is not None and (flags["since"] or flags["where"]):
        raise click.UsageError("--texts is instead of recorded calls: --since and --filter")
    found = _of_file(signal, texts, fpr) if texts is not None else None
    if found is None or writes:
        with connected(flags) as client:
            if found is None:
                found = client.post("/api/v1/guards/calibrate", _asked(signal, fpr, flags))
            if writes:
                _write(client, policy, found)
    emit(found, as_json, text=lambda: _text(found))
    if not found["enough"]:
        note(f"{found['false_positives']['n']} harmless texts are few for a rate of {fpr:g}")
    if not writes and found["threshold"] is not None and not as_json:
        level = found["threshold"]
        click.echo(f"\nguards:\n  rules:\n    - {{signal: {signal}, threshold: {level}}}")


def _asked(signal: str, fpr: float, flags: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked of recorded calls."""
    parts = [
        f"({flags['where']})" if flags["where"] else "",
        f"since:{flags['since']}" if flags["since"] else "",
    ]
    return {
        "signal": signal,
        "fpr": fpr,
        "on": flags["on"],
        "limit": flags["limit"],
        "filter": " ".join(part for part in parts if part),
    }


def _of_file(name: str, texts: IO[bytes], fpr: float) -> dict[str, Any]:
    import msgspec

    from trimtab.guards.calibrate import calibrated
    from trimtab.signals.catalogue import signal

    found: dict[str, Any] = msgspec.to_builtins(calibrated(signal(name), _rows(texts), fpr))
    return found


def _rows(texts: IO[bytes]) -> Iterator[Labelled]:
    from trimtab.guards.calibrate import Labelled
    from trimtab.guards.rows import bounded, read_labelled

    for number, line in enumerate(bounded(texts), 1):
        if line is not None and not line.strip():
            continue
        try:
            row, label = read_labelled(line)
        except InvalidRequest as error:
            error.where = f"line {number}"
            raise
        yield Labelled(row, label)


def _write(client: Client, name: str, found: Mapping[str, Any]) -> None:
    """Set the threshold of every rule of a policy that asks the signal."""
    if found["threshold"] is None:
        raise InvalidRequest("no threshold keeps to that rate", where="--fpr", fix="allow more")
    path = api_path("guards", "policies", name)
    policy = client.get(path)
    own = {_called(rule): rule for rule in policy["rules"]}
    for rule in policy["in_force"]:
        if rule["signal"] == found["signal"]:
            kept = own.get(_called(rule), rule)
            own[_called(rule)] = {**kept, "threshold": found["threshold"]}
    changed = [rule for rule in own.values() if rule["signal"] == found["signal"]]
    if not changed:
        raise InvalidRequest(
            f"the policy {name!r} has no rule of {found['signal']!r}",
            where="--policy",
            fix="name another, or put a rule into it",
        )
    body = {key: policy[key] for key in ("extends", "mode", "record", "note")}
    if policy["revision"] is not None:
        body["revision"] = policy["revision"]
    done = client.put(path, {**body, "rules": list(own.values())})
    note(f"{name}: {len(changed)} rules have the threshold now, version {done['version']}")


def _called(rule: Mapping[str, Any]) -> str:
    return str(rule["name"] or rule["signal"] or rule["scorer"])


def _text(found: Mapping[str, Any]) -> str:
    threshold = found["threshold"]
    level = "no threshold keeps to this rate"
    if threshold is not None:
        level = f"threshold {threshold}, a score {_FIRES[found['fires']]} fires"
    unscored = f", {found['unscored']} of them without a score" if found["unscored"] else ""
    lines = [
        f"{found['signal']} (version {found['version']}): {level}",
        f"texts: {found['texts']}{unscored}; {found['flagged']} would be flagged",
        f"harmless that fire: {_rate(found['false_positives'])}, asked for was {found['target']:g}",
    ]
    if found["recall"]:
        lines.append(f"found of the others: {_rate(found['recall'])}")
    lines.append(
        f"before, at {found['before']:g}: harmless that fire "
        f"{_rate(found['false_positives_before'])}"
        + (f", found {_rate(found['recall_before'])}" if found["recall_before"] else "")
    )
    return "\n".join(lines)


_FIRES = {"above": "from there on", "below": "below"}


def _rate(rate: Mapping[str, Any]) -> str:
    return (
        f"{rate['value']:.2%} [{rate['low']:.2%}, {rate['high']:.2%}] of {rate['n']}"
        f" ({rate['method']})"
    )
