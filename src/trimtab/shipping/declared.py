"""A release as a file of a repository declares it, and how it is to be shipped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trimtab.dialects.filter import duration_ns
from trimtab.errors import ConfigError, InvalidRequest
from trimtab.evals.document import declared, tree_of_file
from trimtab.experiments.rules import GateRule
from trimtab.experiments.suite import ScorerRef
from trimtab.records.release import ModelTarget, Retrieval, Segment, Watch, Watched
from trimtab.releases.canaries import require_possible

SUFFIXES = (".release.yaml", ".release.yml")
_HIDDEN = (".", "__pycache__", "node_modules")
_NS_PER_S = 1_000_000_000


class _Target(ModelTarget, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class _Retrieval(Retrieval, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class _Segment(Segment, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class _Watched(Watched, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class _Watch(Watch, frozen=True, kw_only=True, forbid_unknown_fields=True):
    figures: tuple[_Watched, ...]


class CanaryPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a release is tried before it is live.

    `share` is of the route's requests, as `10%` or 0.1. `lasts` (`for` in a file) is how long it
    must go well, and `calls` how many it must have answered by then: one that answered nothing
    shows nothing. `segment` says whose calls it may answer, `watch` what it is taken back for.
    """

    share: float | str
    lasts: str = msgspec.field(default="10m", name="for")
    calls: Annotated[int, Meta(ge=0)] = 1
    segment: _Segment | None = None
    watch: _Watch | None = None

    @property
    def part(self) -> float:
        """The share as a fraction. Raises ConfigError."""
        return share_of(self.share)

    @property
    def seconds(self) -> float:
        """How long it lasts. Raises ConfigError."""
        return seconds_of(self.lasts)


class Declaration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A release of a route, and how it is shipped.

    The content is `prompt` (a name, `name@3`, `name@label`, or a `.prompt.md` file beside this
    one), `targets` (models by name, or with their weights), `parameters`, `guard_policy` and
    `retrieval`. It is evaluated with `suites` (files and folders of suites, whose task it takes),
    or with `scorers` and `rules` over a `dataset`.
    """

    route: Annotated[str, Meta(min_length=1)]
    targets: Annotated[tuple[str | _Target, ...], Meta(min_length=1)]
    prompt: str | None = None
    parameters: dict[str, Any] = {}
    guard_policy: str | None = None
    retrieval: _Retrieval | None = None
    note: str = ""
    suites: Sequence[str] = ()
    dataset: str | None = None
    scorers: Sequence[ScorerRef] = ()
    rules: Sequence[GateRule] = ()
    environment: str | None = None
    canary: CanaryPlan | None = None


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """A declaration and its file, whose folder is where relative paths start."""

    declaration: Declaration
    path: Path

    @property
    def folder(self) -> Path:
        return self.path.parent


def read(path: Path) -> Declared:
    """The release that a file declares. Raises ConfigError, which says the line."""
    found = declared(tree_of_file(path, str(path)), Declaration, "the release")
    if found.canary is not None:
        check_canary(found.canary, where=f"{path}, canary")
    if found.suites and found.dataset is not None:
        raise ConfigError(
            "a release is evaluated with `suites` or over a `dataset`, not both",
            where=str(path),
            fix="make a suite of the dataset, or leave one out",
        )
    return Declared(declaration=found, path=path)


def check_canary(plan: CanaryPlan, *, where: str) -> None:
    """Refuse what no canary can be, before anything is paid for. Raises ConfigError."""
    try:
        require_possible(plan.part, plan.segment, plan.watch)
        _ = plan.seconds
    except (ConfigError, InvalidRequest) as error:
        raise ConfigError(error.what, where=where, fix=error.fix) from None


def find(path: Path | None, route: str | None, *, cwd: Path) -> Declared:
    """The release of a file, or the only one that is declared below a folder.

    Args:
        route: only declarations of this route.
    Raises:
        ConfigError: none is declared, or several.
    """
    if path is not None and (cwd / path).is_file():
        named = read(cwd / path)
        if route is not None and named.declaration.route != route:
            raise ConfigError(
                f"the file declares a release of {named.declaration.route}, not of {route}",
                where=str(path),
                fix="name the file of that route, or leave --route out",
            )
        return named
    folder = cwd if path is None else cwd / path
    if not folder.is_dir():
        raise ConfigError("there is no such file", where=str(path), fix="correct its name")
    found = [read(file) for file in sorted(_files(folder))]
    chosen = [one for one in found if route is None or one.declaration.route == route]
    if len(chosen) == 1:
        return chosen[0]
    of = f" of the route {route}" if route else ""
    if not chosen:
        raise ConfigError(
            f"no release{of} is declared",
            where=str(folder),
            fix="write NAME.release.yaml, or name the file",
        )
    raise ConfigError(
        f"{len(chosen)} releases{of} are declared: "
        + ", ".join(str(one.path.relative_to(folder)) for one in chosen[:10]),
        where=str(folder),
        fix="name the file, or the route with --route",
    )


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in folder.iterdir():
        if path.name.startswith(_HIDDEN):
            continue
        if path.is_dir():
            found += _files(path)
        elif path.name.endswith(SUFFIXES):
            found.append(path)
    return found


def share_of(said: float | str, *, where: str = "share") -> float:
    """A share of the requests as a fraction.

    Raises:
        ConfigError: it is none.

    >>> share_of("10%"), share_of(0.05)
    (0.1, 0.05)
    """
    text = str(said).strip()
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1 or (share == 1 and not text.endswith("%")):
        raise ConfigError(f"{text[:50]!r} is no share", where=where, fix="write 10%, or 0.1")
    return share


def seconds_of(text: str, *, where: str = "for") -> float:
    """A length of time in seconds.

    Raises:
        ConfigError: it is none.

    >>> seconds_of("30m")
    1800.0
    """
    found = 0 if text.strip() in ("0", "0s") else duration_ns(text.strip())
    if found is None or found < 0:
        raise ConfigError(f"{text[:50]!r} is no length of time", where=where, fix="write 30m or 2h")
    return found / _NS_PER_S


def watch_of(texts: Sequence[str]) -> Watch:
    """A watch as a command says it: `error`, `slow,limit=2000,margin=0.02`, `score=helpful`.

    Raises:
        ConfigError: a figure is not one.

    >>> [slow] = watch_of(["slow,limit=2000,margin=0.02"]).figures
    >>> slow.figure, slow.limit, slow.margin
    ('slow', 2000.0, 0.02)
    """
    return msgspec.convert(msgspec.to_builtins(_Watch(figures=tuple(map(_watched, texts)))), Watch)


def _watched(text: str) -> _Watched:
    head, *more = text.split(",")
    figure, _, score = head.partition("=")
    given: dict[str, Any] = {"figure": figure, **({"score": score} if score else {})}
    given |= dict(part.partition("=")[::2] for part in more)
    if "better" in given:
        given["higher_is_better"] = given.pop("better") != "lower"
    needs = {"score": "score", "slow": "limit", "cost": "limit"}.get(figure)
    try:
        if needs is not None and needs not in given:
            raise ValueError(f"{figure} needs a {needs}")
        return msgspec.convert(given, _Watched, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise ConfigError(
            f"{text[:60]!r} cannot be watched: {error}",
            where="--watch",
            fix="write error, blocked, slow,limit=MS, cost,limit=USD or score=NAME, and margin=N",
        ) from None
