"""What is said of a prompt's name: its folder, tags and description, and whether it is archived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace
from sqlalchemy import Connection, select

from trimtab.errors import InvalidRequest
from trimtab.records import PromptEntry
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import MAX_NAME_CHARS
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import prompt_entries as table

MAX_TAGS = 50
MAX_TAG_CHARS = 100
MAX_DESCRIPTION_CHARS = 10_000


class PromptEntries:
    """The rows of entries; a name of which nothing was said has none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, connection: Connection, project: str, name: str) -> PromptEntry:
        """Without the labels and the newest version, which are not kept here."""
        body = connection.execute(
            select(table.c.body).filter_by(project=project, name=name)
        ).scalar()
        if body is None:
            return PromptEntry(name=name, project=project, latest=0)
        return load(body, PromptEntry)

    def all(self, connection: Connection, project: str) -> Mapping[str, PromptEntry]:
        """The same for the names of a project of which something was said."""
        query = select(table.c.name, table.c.body).filter_by(project=project)
        return {row.name: load(row.body, PromptEntry) for row in connection.execute(query)}

    def put(self, connection: Connection, entry: PromptEntry) -> None:
        key = {"project": entry.project, "name": entry.name}
        changing = {"body": dump(replace(entry, latest=0, labels={}))}
        upsert = self._database.insert(table).values({**key, **changing})
        connection.execute(upsert.on_conflict_do_update(index_elements=list(key), set_=changing))


def described(
    entry: PromptEntry,
    *,
    folder: str | None,
    tags: Sequence[str] | None,
    description: str | None,
    archived: bool | None,
) -> PromptEntry:
    """The entry with what is said anew; None leaves a field. Raises InvalidRequest."""
    if folder is not None:
        _check_folder(folder)
        entry = replace(entry, folder=folder)
    if tags is not None:
        _check_tags(tags)
        entry = replace(entry, tags=tuple(dict.fromkeys(tags)))
    if description is not None:
        if len(description) > MAX_DESCRIPTION_CHARS:
            raise InvalidRequest(
                f"the description has {len(description)} characters",
                where="description",
                fix=f"use at most {MAX_DESCRIPTION_CHARS}",
            )
        entry = replace(entry, description=description)
    return entry if archived is None else replace(entry, archived=archived)


def _check_folder(folder: str) -> None:
    steps = folder.split("/") if folder else []
    odd = any(not step.strip() or step in {".", ".."} or not step.isprintable() for step in steps)
    if odd or len(folder) > MAX_NAME_CHARS:
        raise InvalidRequest(
            f"{folder[:50]!a} is not a path of folders",
            where="folder",
            fix=f'write names with a / between them, like "support/mail", of at most'
            f' {MAX_NAME_CHARS} characters in all, or "" for none',
        )


def _check_tags(tags: Sequence[str]) -> None:
    if len(tags) > MAX_TAGS:
        raise InvalidRequest(
            f"there are {len(tags)} tags", where="tags", fix=f"use at most {MAX_TAGS}"
        )
    for tag in tags:
        if not tag.strip() or not tag.isprintable() or len(tag) > MAX_TAG_CHARS:
            raise InvalidRequest(
                f"{tag[:50]!a} cannot be a tag",
                where="tags",
                fix=f"write a text in one line, of 1 to {MAX_TAG_CHARS} characters",
            )
