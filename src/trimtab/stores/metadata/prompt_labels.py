"""Labels of prompts: names that point to a version, and move without a new version."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from msgspec.structs import replace
from sqlalchemy import Connection, bindparam, delete, select

from trimtab.errors import InvalidRequest
from trimtab.records import Prompt
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.tables import prompt_labels as table

MAX_LABEL_CHARS = 100
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
# Built once: every prompt that is read asks it, and building it takes as long as running it.
_OF_NAME = select(table.c.label, table.c.version).filter_by(
    project=bindparam("project"), name=bindparam("name")
)


class PromptLabels:
    """The rows of labels; who moves one holds the lock of the prompt's name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, connection: Connection, project: str, name: str) -> dict[str, int]:
        """label -> version of one prompt."""
        rows = connection.execute(_OF_NAME, {"project": project, "name": name})
        return {row.label: row.version for row in rows}

    def all(
        self, connection: Connection, project: str | None = None
    ) -> Mapping[tuple[str, str], dict[str, int]]:
        """The same for every prompt, by project and name; {} for one without."""
        query = select(table)
        if project is not None:
            query = query.filter_by(project=project)
        found: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for row in connection.execute(query):
            found[row.project, row.name][row.label] = row.version
        return found

    def point(self, connection: Connection, prompt: Prompt, label: str) -> None:
        """Have a label point to a version, wherever it pointed before."""
        key = {"project": prompt.project, "name": prompt.name, "label": label}
        changing = {"version": prompt.version}
        upsert = self._database.insert(table).values({**key, **changing})
        connection.execute(upsert.on_conflict_do_update(index_elements=list(key), set_=changing))

    def remove(self, connection: Connection, prompt: Prompt, label: str) -> None:
        key = {"project": prompt.project, "name": prompt.name, "label": label}
        connection.execute(delete(table).filter_by(**key))


def with_labels(prompt: Prompt, labels: Mapping[str, int]) -> Prompt:
    """The prompt with those of its name's labels that point to it."""
    mine = sorted(label for label, version in labels.items() if version == prompt.version)
    return replace(prompt, labels=tuple(mine))


def check_label(label: str) -> None:
    """Refuse what `name@label` could not say. Raises InvalidRequest."""
    complaint = _complaint(label)
    if complaint:
        raise InvalidRequest(
            f"{label[:50]!a} cannot be a label: {complaint}",
            where="label",
            fix="choose a word like production",
        )


def _complaint(label: str) -> str | None:
    """
    >>> _complaint("1.5")
    'it would be read as a version'
    """
    if not label:
        return "it is empty"
    if label == "latest":
        return "the newest version has that name by itself"
    if _NUMBER.fullmatch(label):
        return "it would be read as a version"
    if len(label) > MAX_LABEL_CHARS:
        return f"it has more than {MAX_LABEL_CHARS} characters"
    if any(one in "@/" or one.isspace() or not one.isprintable() for one in label):
        return "it has a space, a @, a / or a character that cannot be seen"
    return None
