"""The scorers of a suite as objects: built in, from the user's own files, with what they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from trimtab.errors import ConfigError, ScorerError
from trimtab.evals.files import load
from trimtab.ports import Scorer
from trimtab.scorers.definition import FunctionScorer, scorer
from trimtab.scorers.registry import resolve


def scorers_of(
    references: Sequence[Any],
    folder: Path,
    *,
    tier: str = "full",
    judge: Any = None,
    **resources: Any,
) -> list[Scorer]:
    """Scorers by name, by `file.py:name` or `module:name`, with parameters, or as they are.

    Args:
        tier: "code" leaves out all that are not of that tier.
        judge: what judges, for those that need it.
    Raises:
        ScorerError: there is no such scorer or parameter, or one needs a judge and there is none.
    """
    found = [_configured(_called(each, n), folder) for n, each in enumerate(references, start=1)]
    if tier == "code":
        found = [each for each in found if each.tier == "code"]
    found = [_equipped(each, {"judge": judge, **resources}) for each in found]
    names = [each.name for each in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ScorerError(
            f"the scorer {twice!r} is there twice",
            where="scorers",
            fix="give one of them another `name`",
        )
    return found


def named(reference: str, folder: Path) -> Any:
    """The object behind `file.py:name` or `module:name`.

    Raises:
        ConfigError: there is no such file, module or name.
    """
    place, _, name = reference.rpartition(":")
    if not place or not name:
        raise ConfigError(
            f"{reference!r} names nothing", where=reference, fix="write file.py:name or module:name"
        )
    try:
        module = load(folder / place, place) if place.endswith(".py") else import_module(place)
    except FileNotFoundError:
        raise ConfigError("there is no such file", where=place, fix="correct its name") from None
    except ImportError as error:
        raise ConfigError(
            f"the module cannot be imported: {error}", where=place, fix="correct its name"
        ) from None
    except (TypeError, ValueError):  # `../x`, `.x` and the like
        raise ConfigError(
            "this is no name of a module", where=reference, fix="write FILE.py:NAME for a file"
        ) from None
    value: Any = module
    for part in name.split("."):
        value = getattr(value, part, None)
    if value is None:
        raise ConfigError(f"{place} has no {name!r}", where=reference, fix="correct the name")
    return value


def _called(reference: Any, number: int) -> Any:
    """A lambda has no name: it is called after its place."""
    if getattr(reference, "__name__", "") != "<lambda>":
        return reference
    return scorer(name=f"scorer_{number}")(reference)


def _configured(reference: Any, folder: Path) -> Any:
    if isinstance(reference, str):
        return _object(reference, folder)
    if isinstance(reference, Mapping):
        if len(reference) != 1:
            raise ScorerError(
                "a scorer with parameters is one name and what belongs to it",
                where="scorers",
                fix="write `- contains: {any: [yes]}`",
            )
        [(name, settings)] = reference.items()
        return _with_settings(_object(str(name), folder), settings or {})
    return _as_scorer(reference)


def _object(name: str, folder: Path) -> Any:
    if ":" in name:
        return _as_scorer(named(name, folder))
    return resolve([name])[0]


def _as_scorer(value: Any) -> Any:
    """A scorer as it is; of a plain function one is made."""
    if hasattr(value, "score") and hasattr(value, "digest"):
        return value
    if callable(value):
        return scorer(value)
    raise ScorerError(
        f"{value!r} is not a scorer", where="scorers", fix="give a name, a scorer or a function"
    )


def _with_settings(found: Any, settings: Any) -> Any:
    if not isinstance(settings, Mapping):
        raise ScorerError(
            f"the parameters of {found.name} are not `name: value` lines",
            where="scorers",
            fix=f"write `- {found.name}: {{name: value}}`",
        )
    if not isinstance(found, FunctionScorer):
        raise ScorerError(
            f"{found.name} takes no parameters", where="scorers", fix="leave them out"
        )
    settings = dict(settings)
    return found.configured(name=settings.pop("name", None), **settings)


def _equipped(found: Any, resources: Mapping[str, Any]) -> Any:
    if not isinstance(found, FunctionScorer):
        return found
    equip = getattr(resources.get("judge"), "equip", None)
    wanted = dict(found.wants.resources)
    if equip is not None and "judge" in wanted:
        return equip(found, **{n: r for n, r in resources.items() if n != "judge"})
    equipped = found.using(**resources)
    if wanted.get("judge") and "judge" not in equipped.resources:
        raise ScorerError(
            f"{found.name} needs a judge",
            where="scorers",
            fix="name a model with `judge: {model: ...}` or --judge MODEL",
        )
    if wanted.get("embedder") and "embedder" not in equipped.resources:
        raise ScorerError(
            f"{found.name} needs a model of embeddings",
            where="scorers",
            fix="name one in the suite with `embedder: provider/model`",
        )
    return equipped
