"""Difference: what the content of two releases does not have in common. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from trimtab.records import ModelTarget, Release


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One field: `parameters.temperature`, `targets.openai/gpt-5`; unset where it is not there."""

    field: str
    before: Any = UNSET
    after: Any = UNSET


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """From one release to another; `prompts` are both prompts where they are not the same."""

    base: str
    new: str
    same: bool
    changes: tuple[Change, ...] = ()
    prompts: tuple[str, str] | None = None


def difference(base: Release, new: Release) -> Difference:
    """What changes in the answers when one release takes the place of another.

    Two releases of one content have one digest; a prompt counts by its content, not by its name.
    """
    if base.digest == new.digest:
        return Difference(base=base.ref, new=new.ref, same=True)
    before, after = _content(base), _content(new)
    fields = [*before, *(name for name in after if name not in before)]
    changes = tuple(
        Change(field=name, before=before.get(name, UNSET), after=after.get(name, UNSET))
        for name in fields
        if before.get(name, UNSET) != after.get(name, UNSET)
    )
    prompts = None
    if base.prompt is not None and new.prompt is not None and base.prompt != new.prompt:
        prompts = (base.prompt, new.prompt)
    return Difference(base=base.ref, new=new.ref, same=False, changes=changes, prompts=prompts)


def _content(release: Release) -> Mapping[str, Any]:
    """The content by the names of its smallest parts."""
    named = {"prompt": release.prompt, "guard_policy": release.guard_policy}
    found: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    found |= {f"targets.{model}": weight for model, weight in _weights(release.targets).items()}
    found |= {f"parameters.{name}": value for name, value in release.parameters.items()}
    if release.retrieval is not None:
        said = msgspec.structs.asdict(release.retrieval)
        found |= {f"retrieval.{name}": value for name, value in said.items()}
    return found


def _weights(targets: tuple[ModelTarget, ...]) -> Mapping[str, float | list[float]]:
    """Weight by model; all of them where a model is there more than once."""
    found: dict[str, list[float]] = {}
    for target in targets:
        found.setdefault(target.model, []).append(target.weight)
    return {model: given[0] if len(given) == 1 else given for model, given in found.items()}
