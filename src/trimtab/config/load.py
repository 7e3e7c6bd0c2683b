"""Finds the configuration file, lays environment and flags over it, and decodes the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from trimtab.config.decode import Decoder, known_settings
from trimtab.config.document import Document, parse
from trimtab.config.problem import Problem, config_error
from trimtab.config.schema import Config
from trimtab.config.tree import Leaf, Place, Section, Tree, at, merge, tree_of
from trimtab.errors import ConfigError

CONFIG_NAME = "trimtab.yaml"
MAX_FILE_BYTES = 1024 * 1024
_PREFIX = "TRIMTAB_"
_NOT_SETTINGS = {
    "TRIMTAB_CONFIG",
    "TRIMTAB_DEBUG",
    "TRIMTAB_KEY",
    "TRIMTAB_SPOOL",
    "TRIMTAB_URL",
}


class Loaded(NamedTuple):
    """A configuration and where it came from.

    Attributes:
        config: the typed settings.
        origins: for every dotted key "default", "trimtab.yaml:12", "TRIMTAB_PORT" or "--port".
        path: the file that was read, or None.
        literal_secrets: keys whose secret stands in the file itself instead of in the environment.
        unknown_variables: `TRIMTAB_*` variables that name no setting and were left alone.
    """

    config: Config
    origins: Mapping[str, str]
    path: Path | None
    literal_secrets: tuple[str, ...] = ()
    unknown_variables: tuple[str, ...] = ()


def load(
    path: Path | None = None,
    *,
    env: Mapping[str, str],
    cwd: Path,
    overrides: Mapping[str, Any] | None = None,
    secrets: bool = True,
) -> Loaded:
    """The configuration: a flag beats the environment, which beats the file, which beats defaults.

    Args:
        path: the file; None means `$TRIMTAB_CONFIG`, else `trimtab.yaml` in `cwd` if there is one.
        env: the environment; `TRIMTAB_LIMITS__BODY_BYTES=1000` sets `limits.body_bytes`. An empty
            variable counts as unset. Lists are written as JSON, lists of text also as `a,b`.
        cwd: the working directory.
        overrides: values from the command line by dotted key; None means not given.
        secrets: False for whoever uses none of them: one whose variable is not set is then no
            problem, and what stands in its place is of no use.
    Raises:
        ConfigError: the file cannot be read, or something in any of the sources is wrong;
            `fields["problems"]` lists every problem.
    """
    found = find(path, env=env, cwd=cwd)
    tree: Tree = Section({}, {}, Place("defaults"))
    problems: list[Problem] = []
    if found is not None:
        tree, problems = read(found, _shown_path(found, cwd))
    unknown: list[str] = []
    for layer in _environment(env, problems, unknown):
        tree = merge(tree, layer)
    for key, value in (overrides or {}).items():
        if value is not None:
            place = Place("--" + key.replace("_", "-"))
            tree = merge(tree, at(key.split("."), _as_text(tree_of(value, place)), place))
    elsewhere = found is not None and found.parent.resolve() != cwd.resolve()
    decoder = Decoder(
        env, found.parent if found is not None and elsewhere else None, secrets=secrets
    )
    config = decoder.config(tree)
    if config is None or problems:
        raise config_error(problems + decoder.problems)
    return Loaded(
        config, decoder.origins, found, tuple(decoder.literal_secrets), tuple(sorted(unknown))
    )


def find(path: Path | None, *, env: Mapping[str, str], cwd: Path) -> Path | None:
    """The file to read: the one named, or `trimtab.yaml` in the working directory if it exists.

    Raises:
        ConfigError: only the near-miss `trimtab.yml` exists, which would be ignored silently.
    """
    if path is None and env.get("TRIMTAB_CONFIG"):
        path = Path(env["TRIMTAB_CONFIG"])
    if path is not None:
        return cwd / path
    default = cwd / CONFIG_NAME
    if default.exists() or default.is_symlink():
        return default
    if default.with_suffix(".yml").exists():
        raise ConfigError(
            "trimtab.yml is not read: the file is called trimtab.yaml",
            where="trimtab.yml",
            fix="rename it to trimtab.yaml, or name it with --config",
            file="trimtab.yml",
        )
    return None


def read(path: Path, name: str) -> Document:
    """The settings of a file, not yet typed, under one section.

    Raises:
        ConfigError: not a readable UTF-8 YAML file of at most `MAX_FILE_BYTES`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise ConfigError(
            f"the configuration file cannot be read: {reason}",
            where=name,
            fix="name a readable YAML file with --config or TRIMTAB_CONFIG",
            file=name,
        ) from None
    if len(data) > MAX_FILE_BYTES:
        fix = f"keep it under {MAX_FILE_BYTES} bytes"
        raise ConfigError("the configuration file is too large", where=name, fix=fix, file=name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        problem = Problem(
            f"not UTF-8 text (byte {error.start})",
            Place(name, line, column),
            "",
            "save it as UTF-8",
        )
        raise config_error([problem]) from None
    document = parse(text, name)
    tree = document.tree
    if isinstance(tree, Leaf) and tree.value is None:
        return document._replace(tree=Section({}, {}, tree.place))
    if not isinstance(tree, Section):
        what = "the file must hold `name: value` lines"
        raise config_error([Problem(what, tree.place, "", "see: trimtab config show")])
    return document


def _shown_path(path: Path, cwd: Path) -> str:
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)


def _environment(
    env: Mapping[str, str], problems: list[Problem], unknown: list[str]
) -> Iterator[Section]:
    """One tree per variable that sets something; sections whole before the keys inside them.

    A variable that is nearly the name of a setting is a problem, any other is `unknown`:
    orchestrators and applications have TRIMTAB_* variables of their own.
    """
    known = known_settings()
    lists = {key for key, hint in known.items() if hint.item}
    for name in sorted(env, key=lambda name: (name.count("__"), name)):
        if not name.startswith(_PREFIX) or name in _NOT_SETTINGS or not env[name]:
            continue
        key = name.removeprefix(_PREFIX).lower().replace("__", ".")
        place = Place(name)
        if key in known:
            yield at(key.split("."), Leaf(env[name], place, text=True), place)
            continue
        parent = next((one for one in sorted(lists) if key.startswith(f"{one}.")), None)
        near = get_close_matches(key, known, n=1, cutoff=0.75)
        if parent is not None:
            what = f"{name} reaches into `{parent}`, which is set as a whole"
            problems.append(Problem(what, place, key, f"set {_variable(parent)} to a JSON list"))
        elif near or "__" in name:
            fix = f"did you mean {_variable(near[0])}?" if near else "see: trimtab config show"
            problems.append(Problem(f"{name} names no setting", place, key, fix))
        else:
            unknown.append(name)


def _variable(key: str) -> str:
    """The environment variable of a dotted key.

    >>> _variable("limits.body_bytes")
    'TRIMTAB_LIMITS__BODY_BYTES'
    """
    return _PREFIX + key.upper().replace(".", "__")


def _as_text(tree: Tree) -> Tree:
    """Text from the command line may stand for a number, as in the environment."""
    if isinstance(tree, Leaf) and isinstance(tree.value, str):
        return tree._replace(text=True)
    return tree
