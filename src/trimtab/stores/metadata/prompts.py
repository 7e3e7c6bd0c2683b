"""Prompts in the metadata database: versions are added, never changed."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from sqlalchemy import Connection, insert, select

from trimtab.errors import NotFound
from trimtab.records import Prompt
from trimtab.stores.metadata.audit import Audit
from trimtab.stores.metadata.counter import Counter
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import Heads, Version
from trimtab.stores.metadata.rows import dump, load
from trimtab.stores.metadata.tables import heads, prompts


class SQLPrompts:
    """Implements `ports.PromptStore`."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit
        self._heads = Heads(database, "prompt")
        self._changes = Counter(database, "prompts")

    def add(self, prompt: Prompt) -> Prompt:
        with self._database.write() as connection:
            latest = self._heads.lock(connection, prompt.project, prompt.name)
            if latest:
                newest = _body(connection, prompt.project, Version(prompt.name, latest))
                if newest.digest == prompt.digest:
                    return newest
            # After the lock of its name: the same content again is no change and counts as none.
            self._changes.bump(connection)
            added = replace(prompt, version=latest + 1)
            connection.execute(
                insert(prompts).values(
                    project=added.project,
                    name=added.name,
                    version=added.version,
                    digest=added.digest,
                    body=dump(added),
                )
            )
            self._heads.advance(connection, added.project, Version(added.name, added.version))
            self._audit.write(
                connection,
                project=added.project,
                action="prompt.add",
                object=added.ref,
                digest=added.digest,
            )
        return added

    def get(self, project: str, ref: str) -> Prompt:
        with self._database.read() as connection:
            return _body(connection, project, self._heads.resolve(connection, project, ref))

    def list(self, project: str) -> list[Prompt]:
        query = (
            select(prompts.c.body)
            .join(
                heads,
                (heads.c.project == prompts.c.project)
                & (heads.c.name == prompts.c.name)
                & (heads.c.latest == prompts.c.version),
            )
            .where(heads.c.noun == "prompt", prompts.c.project == project)
        )
        with self._database.read() as connection:
            newest = [load(body, Prompt) for body in connection.execute(query).scalars()]
        # Sorted here: the order of text in PostgreSQL depends on the locale of the database.
        return sorted(newest, key=lambda prompt: prompt.name)

    def all(self) -> Sequence[Prompt]:
        with self._database.read() as connection:
            bodies = connection.execute(select(prompts.c.body)).scalars()
            return [load(body, Prompt) for body in bodies]

    def revision(self) -> int:
        return self._changes.value()


def _body(connection: Connection, project: str, version: Version) -> Prompt:
    query = select(prompts.c.body).filter_by(
        project=project, name=version.name, version=version.number
    )
    body = connection.execute(query).scalar()
    if body is None:
        raise NotFound(f"the prompt {version.name}@{version.number} was deleted")
    return load(body, Prompt)
