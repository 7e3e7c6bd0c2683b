"""`trimtab prompts push` and `pull`: files and the registry, and nobody's work lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit
from trimtab.cli.prompts.folder import (
    Found,
    directory_of,
    folder_at,
    lock_of,
    naming,
    read_files,
    registry,
    require_directory,
    write,
    write_lock,
)
from trimtab.client import Client, api_path
from trimtab.errors import Conflict
from trimtab.prompts.prompt_files import PromptFile, file_name, written
from trimtab.prompts.sync import Lock, Standing, Synced, in_order, said, standings, taken_in

_DIRECTORY = Path("prompts")
directory = click.argument(
    "directory",
    metavar="[DIR]",
    type=click.Path(file_okay=False, path_type=Path),
    default=_DIRECTORY,
)


@click.command("push")
@client_options
@directory
@click.option("--force", is_flag=True, help="Push over what changed in the registry meanwhile.")
@click.option("--note", "remark", default="", help="What is said of the versions.")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if there is something to.")
@click.option(
    "--allow-secrets", is_flag=True, help="Store what looks like a credential; it is audited."
)
def pushed(
    as_json: bool,
    directory: Path,
    force: bool,
    remark: str,
    check: bool,
    allow_secrets: bool,
    **flags: Any,
) -> None:
    """Store the files of DIR that changed as the next versions of their prompts.

    DIR is `prompts` unless it is said. A prompt that changed in the registry since it was last
    pulled or pushed is a conflict: then nothing is pushed at all.
    """
    require_directory(directory)
    files = read_files(directory)
    for one in files:
        with naming(one.path):
            taken_in(one.file)
    with connected(flags) as client:
        found = _compared(client, directory, files)
        wanted = [one for one in found if one.state == "to push" and one.local is not None]
        if force:
            wanted += [one for one in found if one.state == "conflict" and one.local is not None]
        else:
            _refuse(found, "push")
        if check:
            _told(as_json, "to push", wanted)
            click.get_current_context().exit(1 if wanted else 0)
        push = _Push(
            client, remark, allow_secrets, {one.file.draft.name: one.path for one in files}
        )
        try:
            done = _push(push, found, wanted)
        finally:
            if push.noted:
                known = lock_of(directory).prompts
                write_lock(directory, Lock(prompts={**known, **push.noted}))
        _keep(directory, registry(client, (one.file.draft.name for one in files)), files, done)
    _told(as_json, "pushed", done)


@click.command("pull")
@client_options
@directory
@click.option("--force", is_flag=True, help="Overwrite what changed in the files meanwhile.")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if there is something to.")
def pulled(as_json: bool, directory: Path, force: bool, check: bool, **flags: Any) -> None:
    """Write the newest versions of prompts into the files of DIR.

    DIR is `prompts` unless it is said. A file that changed since it was last pulled or pushed,
    while its prompt changed as well, is a conflict: then nothing is written at all.
    """
    files = read_files(directory)
    with connected(flags) as client:
        found = _compared(client, directory, files)
    wanted = [one for one in found if one.state == "to pull" and one.known is not None]
    if force:
        local = ("to push", "conflict")
        wanted += [one for one in found if one.state in local and one.known is not None]
    else:
        _refuse(found, "pull")
    if check:
        _told(as_json, "to pull", wanted)
        click.get_current_context().exit(1 if wanted else 0)
    paths = {one.file.draft.name: one.path for one in files}
    lock = dict(lock_of(directory).prompts)
    for one in wanted:
        if one.known is not None:
            file = one.known.file
            path = paths.get(one.name, directory_of(file.folder, directory) / file_name(one.name))
            write(path, written(file, folder_at(path, directory)))
            lock[one.name] = Synced(version=one.known.version, digest=said(one.known.file))
    for one in found:
        if one.state == "same" and one.known is not None and one.local is not None:
            lock[one.name] = Synced(version=one.known.version, digest=said(one.local))
    if wanted or lock:
        write_lock(directory, Lock(prompts=lock))
    _told(as_json, "pulled", wanted)


def _compared(client: Client, directory: Path, files: Sequence[Found]) -> list[Standing]:
    named = {one.file.draft.name for one in files}
    return list(standings([one.file for one in files], registry(client, named), lock_of(directory)))


def _refuse(found: Sequence[Standing], what: str) -> None:
    """Raises Conflict."""
    names = [one.name for one in found if one.state == "conflict"]
    if names:
        raise Conflict(
            f"changed in the file and in the registry: {', '.join(names[:20])}",
            where="prompts",
            fix=f"look at `trimtab prompts diff`, then merge them, or {what} with --force",
            prompts=names,
        )


class _Push:
    """A push under way. `noted` says what files and registry have in common by now, so that one
    which breaks off can be carried on with."""

    def __init__(
        self, client: Client, remark: str, allow_secrets: bool, paths: Mapping[str, Path]
    ) -> None:
        self.client = client
        self.remark = remark
        self.allow_secrets = allow_secrets
        self.paths = paths
        self.noted: dict[str, Synced] = {}

    def store(self, file: PromptFile, over: int) -> Synced:
        """One prompt and what is said of its name. Raises Conflict where it moved on meanwhile."""
        name, client = file.draft.name, self.client
        body = {**msgspec.structs.asdict(file.draft), "note": self.remark, "over": over}
        stored = client.post("/api/v1/prompts", body | {"allow_secrets": self.allow_secrets})
        told = {"folder": file.folder, "tags": file.tags, "description": file.description}
        entry = client.get(api_path("prompts", name, "entry"))
        before = {field: entry[field] for field in told} | {"tags": tuple(entry["tags"])}
        self._note(msgspec.structs.replace(file, **before), stored["version"])
        if before != told:
            client.patch(api_path("prompts", name, "entry"), told)
        return self._note(file, stored["version"])

    def _note(self, file: PromptFile, version: int) -> Synced:
        synced = self.noted[file.draft.name] = Synced(version=version, digest=said(file))
        return synced


def _push(push: _Push, found: Sequence[Standing], wanted: Sequence[Standing]) -> list[Standing]:
    """Those that were stored, in an order in which what is taken in comes first.

    What takes in a prompt that changed is written again, as its versions are pinned.
    """
    known = {one.name: one for one in found if one.local is not None}
    changed, done = {one.name for one in wanted}, []
    for file in in_order([one.local for one in known.values() if one.local is not None]):
        name = file.draft.name
        if name in changed or taken_in(file) & changed:
            changed.add(name)
            with naming(push.paths[name]):
                stored = push.store(file, known[name].version)
            done.append(msgspec.structs.replace(known[name], known=None, synced=stored))
    return done


def _keep(
    directory: Path, known: dict[str, Any], files: Sequence[Found], done: Sequence[Standing]
) -> None:
    """Note what is the same now; those that a push did not concern stay as they were noted."""
    lock = dict(lock_of(directory).prompts)
    lock |= {one.name: one.synced for one in done if one.synced is not None}
    for one in standings([one.file for one in files], known, Lock()):
        if one.state == "same" and one.local is not None:
            lock[one.name] = Synced(version=one.version, digest=said(one.local))
    if lock:
        write_lock(directory, Lock(prompts=lock))


def _told(as_json: bool, verb: str, ones: Sequence[Standing]) -> None:
    rows = [{"name": one.name, "version": _version(one)} for one in ones]
    lines = [
        f"{verb}: {row['name']}@{row['version']}" if row["version"] else f"{verb}: {row['name']}"
        for row in rows
    ]
    emit(rows, as_json, text=lambda: "\n".join(lines) or f"{verb}: nothing")


def _version(one: Standing) -> int | None:
    if one.known is not None:
        return one.known.version
    return one.synced.version if one.synced is not None else None
