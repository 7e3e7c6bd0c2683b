"""Prompts in the metadata database: versions are added, never changed; labels point to them.

Whoever changes something of a name locks its head, and only then counts the change: what turns out
to change nothing counts as nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from sqlalchemy import Connection, select

from trimtab.errors import Conflict
from trimtab.kit.hashing import digest
from trimtab.records import Prompt, PromptEntry
from trimtab.stores.metadata.audit import Audit
from trimtab.stores.metadata.counter import Counter
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.heads import Heads, Version
from trimtab.stores.metadata.prompt_entries import PromptEntries, described
from trimtab.stores.metadata.prompt_labels import PromptLabels, check_label, with_labels
from trimtab.stores.metadata.rows import load
from trimtab.stores.metadata.tables import heads, prompts
from trimtab.stores.metadata.versions import Versions


class SQLPrompts:
    """Implements `ports.PromptStore`."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit
        self._labels = PromptLabels(database)
        self._entries = PromptEntries(database)
        self._heads = Heads(database, "prompt", self._labels.of)
        self._versions = Versions(prompts, Prompt, self._heads, audit)
        self._changes = Counter(database, "prompts")

    def add(self, prompt: Prompt, *, over: int | None = None, with_secrets: bool = False) -> Prompt:
        for label in prompt.labels:
            check_label(label)
        with self._database.write() as connection:
            latest = self._heads.lock(connection, prompt.project, prompt.name)
            _require_newest(prompt, latest, over)
            found = self._versions.same(connection, prompt, latest)
            labels = self._labels.of(connection, prompt.project, prompt.name)
            stays = found is not None and all(
                labels.get(label) == latest for label in prompt.labels
            )
            if not stays:
                self._changes.bump(connection)
            added = found or self._versions.insert(
                connection, replace(prompt, labels=()), latest + 1
            )
            if found is None and with_secrets:
                self._write_audit(connection, added, "prompt.allow_secrets", added.ref)
            for label in dict.fromkeys(prompt.labels):
                if labels.get(label) != added.version:
                    labels[label] = added.version
                    self._move(connection, added, label, added.version, prompt.author)
        return with_labels(added, labels)

    def get(self, project: str, ref: str) -> Prompt:
        with self._database.read() as connection:
            version = self._heads.resolve(connection, project, ref)
            labels = self._labels.of(connection, project, version.name)
            return with_labels(self._versions.stored(connection, project, version), labels)

    def list(self, project: str) -> list[Prompt]:
        with self._database.read() as connection:
            newest = self._versions.newest(connection, project)
            labels = self._labels.all(connection, project)
        return [with_labels(one, labels.get((project, one.name), {})) for one in newest]

    def versions(self, project: str, name: str) -> Sequence[Prompt]:
        with self._database.read() as connection:
            found = self._versions.of(connection, project, name)
            labels = self._labels.of(connection, project, name)
        return [with_labels(one, labels) for one in found]

    def all(self) -> Sequence[Prompt]:
        with self._database.read() as connection:
            bodies = connection.execute(select(prompts.c.body)).scalars()
            found = [load(body, Prompt) for body in bodies]
            labels = self._labels.all(connection)
        return [with_labels(one, labels.get((one.project, one.name), {})) for one in found]

    def entry(self, project: str, name: str) -> PromptEntry:
        with self._database.read() as connection:
            latest = self._heads.latest(connection, project, name)
            return self._entry(connection, project, Version(name, latest))

    def entries(self, project: str) -> Sequence[PromptEntry]:
        query = select(heads.c.name, heads.c.latest).filter_by(project=project, noun="prompt")
        with self._database.read() as connection:
            latest = [tuple(row) for row in connection.execute(query.where(heads.c.latest > 0))]
            said = self._entries.all(connection, project)
            labels = self._labels.all(connection, project)
        found = [
            replace(
                said.get(name) or PromptEntry(name=name, project=project, latest=0),
                latest=number,
                labels=dict(sorted(labels.get((project, name), {}).items())),
            )
            for name, number in latest
        ]
        return sorted(found, key=lambda entry: (entry.folder, entry.name))

    def label(
        self,
        project: str,
        name: str,
        label: str,
        version: int | None,
        *,
        by: str,
        over: int | None = None,
    ) -> PromptEntry:
        with self._database.write() as connection:
            latest = self._lock(connection, project, name)
            former = self._labels.of(connection, project, name).get(label)
            if former is None:
                check_label(label)
            if version is not None:
                self._heads.resolve(connection, project, f"{name}@{version}")
            _require_pointing(name, label, former, over)
            if version != former:
                self._changes.bump(connection)
                pointed = Version(name, version or former or latest)
                prompt = self._versions.stored(connection, project, pointed)
                self._move(connection, prompt, label, version, by)
            return self._entry(connection, project, Version(name, latest))

    def describe(
        self,
        project: str,
        name: str,
        *,
        by: str,
        folder: str | None = None,
        tags: Sequence[str] | None = None,
        description: str | None = None,
        archived: bool | None = None,
    ) -> PromptEntry:
        with self._database.write() as connection:
            latest = self._lock(connection, project, name)
            former = self._entry(connection, project, Version(name, latest))
            entry = described(
                former, folder=folder, tags=tags, description=description, archived=archived
            )
            if entry != former:
                self._changes.bump(connection)
                self._entries.put(connection, entry)
                self._audit.write(
                    connection,
                    project=project,
                    action="prompt.describe",
                    object=name,
                    digest=digest(entry),
                    principal=by,
                )
        return entry

    def revision(self) -> int:
        return self._changes.value()

    def _lock(self, connection: Connection, project: str, name: str) -> int:
        """The newest version of a prompt, of which nobody else changes anything from now on."""
        latest = self._heads.lock(connection, project, name)
        if not latest:
            raise self._heads.unknown(connection, project, name)
        return latest

    def _move(
        self,
        connection: Connection,
        prompt: Prompt,
        label: str,
        version: int | None,
        by: str | None,
    ) -> None:
        """Point a label to a version of the prompt, or take it away from it."""
        if version is None:
            self._labels.remove(connection, prompt, label)
        else:
            self._labels.point(connection, prompt, label)
        action = "prompt.unlabel" if version is None else "prompt.label"
        self._write_audit(connection, replace(prompt, author=by), action, f"{prompt.name}@{label}")

    def _write_audit(
        self, connection: Connection, prompt: Prompt, action: str, object: str
    ) -> None:
        self._audit.write(
            connection,
            project=prompt.project,
            action=action,
            object=object,
            digest=prompt.digest,
            principal=prompt.author,
        )

    def _entry(self, connection: Connection, project: str, latest: Version) -> PromptEntry:
        labels = self._labels.of(connection, project, latest.name)
        said = self._entries.get(connection, project, latest.name)
        return replace(said, latest=latest.number, labels=dict(sorted(labels.items())))


def _require_newest(prompt: Prompt, latest: int, over: int | None) -> None:
    if over is not None and over != latest:
        state = f"is at version {latest}" if latest else "does not exist"
        raise Conflict(
            f"the prompt {prompt.name!r} {state}, not at {over}",
            where="version",
            fix="read it, and decide again",
            latest=latest,
        )


def _require_pointing(name: str, label: str, version: int | None, over: int | None) -> None:
    if over is not None and over != (version or 0):
        state = f"points to version {version}" if version else "points to none"
        raise Conflict(
            f"the label {label!r} of {name!r} {state}, not to {over or 'none'}",
            where="label",
            fix="read it, and decide again",
            version=version,
        )
