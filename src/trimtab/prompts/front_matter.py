"""The settings at the top of a prompt's file: YAML, written so that it is good to compare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from trimtab.errors import InvalidRequest
from trimtab.prompts.prompt_file import PromptFile, file_name, name_of
from trimtab.records import Shots, Variable
from trimtab.records.prompt import Syntax, VariableType


class _Variable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    type: VariableType = "string"
    required: bool | None = None
    default: Any = None
    description: str = ""


class _Shots(Shots, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Front(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings at the top of a file."""

    name: str | None = None
    description: str = ""
    folder: str | None = None
    tags: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    syntax: Syntax = "jinja"
    variables: dict[str, VariableType | _Variable] = {}
    parameters: dict[str, Any] = {}
    output_schema: dict[str, Any] | None = None
    tools: tuple[dict[str, Any], ...] = ()
    shots: _Shots | None = None
    exact: bool = False

    @property
    def declared(self) -> tuple[Variable, ...]:
        return tuple(_declared(name, said) for name, said in self.variables.items())

    @property
    def shown(self) -> Shots | None:
        """The examples, as a record."""
        found = self.shots
        return None if found is None else msgspec.convert(msgspec.to_builtins(found), Shots)


def written_front(file: PromptFile, *, exact: bool, folder: str) -> str:
    """The settings of a file, of which some may be none; `folder` is that of its directory."""
    front = dict(_front(file, exact=exact, folder=folder))
    return _yaml(front) if front else ""


def _front(file: PromptFile, *, exact: bool, folder: str) -> Iterator[tuple[str, Any]]:
    draft = file.draft
    if name_of(file_name(draft.name)) != draft.name:
        yield "name", draft.name
    if file.description:
        yield "description", file.description
    if file.folder != folder:
        yield "folder", file.folder
    plain: dict[str, Any] = {
        "tags": list(file.tags),
        "labels": list(draft.labels),
        "syntax": None if draft.syntax == "jinja" else draft.syntax,
        "variables": {one.name: _declaration(one) for one in draft.declared},
        "parameters": draft.parameters,
    }
    yield from ((name, value) for name, value in plain.items() if value)
    if draft.output_schema is not None:
        yield "output_schema", draft.output_schema
    if draft.tools:
        yield "tools", list(draft.tools)
    if draft.shots is not None:
        shots = msgspec.to_builtins(draft.shots)
        least = msgspec.to_builtins(Shots())
        yield "shots", {name: shots[name] for name in shots if shots[name] != least[name]}
    if exact:
        yield "exact", True


def _declaration(variable: Variable) -> Any:
    if variable.required and not variable.description and variable.default is None:
        return variable.type
    said: dict[str, Any] = {"type": variable.type}
    if variable.required is (variable.default is not None):
        said["required"] = variable.required
    if variable.default is not None:
        said["default"] = variable.default
    return said | ({"description": variable.description} if variable.description else {})


class _Dumper(yaml.SafeDumper):
    """Texts of several lines are blocks, so that a change of one line is one line of a diff."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = None
    if not text.replace("\n", "").isprintable():
        style = '"'  # the only one that spells such characters out
    elif "\n" in text and not re.search(r"^[ \n]|[ ](\n|$)", text):
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text_node)


def _yaml(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)


def read_front(head: str, path: str) -> Front:
    """Raises InvalidRequest."""
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(head, yaml.CSafeLoader)):
            raise InvalidRequest("the settings have an alias", where=path, fix="write it out")
        loaded = yaml.load(head, Loader=yaml.CSafeLoader) or {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise InvalidRequest(
            f"the settings are not YAML: {error.problem}",
            where=f"{path}, line {mark.line + 2}" if mark else path,
            fix="correct them",
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"the settings are not YAML: {error}", where=path) from None
    try:
        return msgspec.convert(loaded, Front)
    except msgspec.ValidationError as error:
        known = ", ".join(Front.__struct_fields__)
        raise InvalidRequest(
            f"the settings are wrong: {error}", where=path, fix=f"there are {known}"
        ) from None


def _declared(name: str, said: VariableType | _Variable) -> Variable:
    if isinstance(said, str):
        return Variable(name=name, type=said)
    required = said.default is None if said.required is None else said.required
    return Variable(
        name=name,
        type=said.type,
        required=required,
        default=said.default,
        description=said.description,
    )
