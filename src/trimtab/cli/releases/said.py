"""How releases are told to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.cli.failures import printable
from trimtab.kit import jsonx
from trimtab.kit.clock import iso

_CONTENT = ("prompt", "targets", "parameters", "guard_policy", "retrieval")


def ref_of(row: Mapping[str, Any]) -> str:
    return f"{row['route']}@{row['version']}"


def state_of(row: Mapping[str, Any]) -> str:
    """The state, of a canary with its share, and the environments that it answers in.

    >>> state_of({"state": "canary", "share": 0.05}), state_of({"state": "live", "share": None})
    ('canary 5%', 'live')
    >>> state_of({"state": "candidate", "share": None, "live_in": ["eu", "staging"]})
    'candidate, in eu, staging'
    """
    state = f"{row['state']} {percent(row['share'])}" if row["share"] else str(row["state"])
    places = row.get("live_in") or ()
    return f"{state}, in {', '.join(places)}" if places else state


def models_of(row: Mapping[str, Any]) -> str:
    return ", ".join(target["model"] for target in row["targets"])


def percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def segment_text(segment: Mapping[str, Any] | None) -> str | None:
    """A segment as `--segment` says it; None for everybody's calls.

    >>> segment_text({"users": ["ada", "bob"], "attributes": {"plan": "free"}})
    'user=ada user=bob metadata.plan=free'
    """
    if not segment:
        return None
    said = [
        f"{field.removesuffix('s')}={value}"
        for field in ("users", "teams", "keys", "environments")
        for value in segment.get(field) or ()
    ]
    said += [f"metadata.{name}={value}" for name, value in segment.get("attributes", {}).items()]
    return " ".join(said) or None


def watch_text(watch: Mapping[str, Any] | None) -> str | None:
    """A watch in a few words; None where nobody watches.

    >>> watch_text({"figures": [{"figure": "error", "margin": 0.01}], "alpha": 0.05})
    'watched for error (margin 0.01) at alpha 0.05'
    """
    if not watch:
        return None
    figures = [
        f"{one.get('score') or one['figure']} (margin {one.get('margin', 0):g})"
        for one in watch["figures"]
    ]
    return f"watched for {', '.join(figures)} at alpha {watch.get('alpha', 0.05):g}"


def release_text(release: Mapping[str, Any]) -> str:
    """The content, then the life of a release; what is not set is left out."""
    lines = [f"{ref_of(release)} is {state_of(release)}"]
    for name in ("release_id", "digest", "created_ns", "author", *_CONTENT, "note"):
        value = release[name]
        if value not in (None, "", {}, []):
            lines.append(f"  {name.removesuffix('_ns'):<12} {_shown(name, value)}")
    for approval in release["approvals"]:
        who = f"{iso(approval['time_ns'])}  {approval['action']} by {approval['principal']}"
        lines.append("  ".join([f"  {who}", *why(approval)]))
    lines += [f"  warning: {line}" for line in release["warnings"]]
    return printable("\n".join(lines))


def why(move: Mapping[str, Any]) -> list[str]:
    """What a move was, beside its name: where, how much, on what evidence and for what reason."""
    said = [f"in {move['environment']}"] if move.get("environment") else []
    said += [f"{percent(move['share'])} of the requests"] if move["share"] else []
    said += [text] if (text := segment_text(move.get("segment"))) else []
    said += [text] if (text := watch_text(move.get("watch"))) else []
    said += [f"run {move['run']}"] if move["run"] else []
    return [*said, move["reason"]] if move["reason"] else said


def _shown(name: str, value: Any) -> str:
    if name == "created_ns":
        return iso(value)
    return value if isinstance(value, str) else jsonx.encode(value).decode()
