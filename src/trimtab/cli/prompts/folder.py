"""The files of prompts in a directory, and the lock file beside them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from trimtab.client import Client
from trimtab.errors import InvalidRequest, RequestError
from trimtab.prompts.prompt_file import directory_name, folder_of
from trimtab.prompts.prompt_files import SUFFIX, PromptFile, of_prompt, read
from trimtab.prompts.sync import LOCK_NAME, Known, Lock, read_lock, written_lock
from trimtab.records import Prompt, PromptEntry


class Found(NamedTuple):
    path: Path
    file: PromptFile


def read_file(path: Path, directory: Path | None = None) -> Found:
    """Raises InvalidRequest.

    Args:
        directory: that of all the files; the ones in it are folders.
    """
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        raise InvalidRequest("the file is not UTF-8", where=str(path)) from None
    return Found(path, read(text, str(path), folder_at(path, directory or path.parent)))


def folder_at(path: Path, directory: Path) -> str:
    """The folder of the prompts whose files are where this one is."""
    return folder_of(path.relative_to(directory).parts[:-1])


def directory_of(folder: str, directory: Path) -> Path:
    """Where the file of a prompt of this folder is to be: in its directory, if there is one."""
    inner = directory / directory_name(folder)
    return inner if inner.is_dir() else directory


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """What is refused of a file says which file it is."""
    try:
        yield
    except RequestError as error:
        where = f"{path}, {error.where}" if error.where else str(path)
        raise type(error)(error.what, where=where, fix=error.fix, **error.fields) from None


def require_directory(directory: Path) -> None:
    """Raises InvalidRequest: there is none, so that nothing could be found in it."""
    if not directory.is_dir():
        raise InvalidRequest(
            f"there is no directory {str(directory)!r}",
            where="DIR",
            fix="name the one with the files of prompts, or have them pulled into a new one",
        )


def read_files(directory: Path) -> Sequence[Found]:
    """Those of a directory and the ones in it, by path.

    Raises:
        InvalidRequest: one cannot be read, or two are of one prompt.
    """
    found: dict[str, Found] = {}
    for path in sorted(directory.rglob(f"*{SUFFIX}")):
        if any(step.startswith(".") for step in path.relative_to(directory).parts[:-1]):
            continue
        one = read_file(path, directory)
        other = found.setdefault(one.file.draft.name, one)
        if other is not one:
            raise InvalidRequest(
                f"{other.path} and {path} are both of the prompt {one.file.draft.name!r}",
                where=str(path),
                fix="remove one of them, or give it another `name`",
            )
    return list(found.values())


def lock_of(directory: Path) -> Lock:
    path = directory / LOCK_NAME
    return read_lock(path.read_text("utf-8"), str(path)) if path.is_file() else Lock()


def write_lock(directory: Path, lock: Lock) -> None:
    write(directory / LOCK_NAME, written_lock(lock))


def write(path: Path, text: str) -> None:
    """Write a file whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name[:100]}.{os.getpid()}.new")
    try:
        new.write_bytes(text.encode())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def registry(client: Client, only: Iterable[str] = ()) -> dict[str, Known]:
    """The newest version of every prompt that is not archived, and of those named."""
    entries = client.get("/api/v1/prompt-entries", {"archived": "true"})["data"]
    wanted = set(only)
    told = {
        one.name: one
        for one in msgspec.convert(entries, list[PromptEntry])
        if not one.archived or one.name in wanted
    }
    newest = client.get("/api/v1/prompts", {"archived": "true"})["data"]
    return {
        prompt.name: Known(
            version=prompt.version,
            file=of_prompt(prompt, told[prompt.name]),
            labels=prompt.labels,
        )
        for prompt in msgspec.convert(newest, list[Prompt])
        if prompt.name in told
    }
