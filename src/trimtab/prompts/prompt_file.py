"""What the file of a prompt says, and what it is called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from urllib.parse import unquote

import msgspec

from trimtab.prompts.write import Draft
from trimtab.records import Prompt, PromptEntry

SUFFIX = ".prompt.md"

_NOT_IN_FILES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%]|^\.|[. ]$')
_LONGEST_NAME = 200  # bytes; with the suffix, what every file system takes


class PromptFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says: the content of a version, and what is kept of the prompt's name."""

    draft: Draft
    folder: str = ""
    tags: tuple[str, ...] = ()
    description: str = ""


def of_prompt(prompt: Prompt, entry: PromptEntry) -> PromptFile:
    """A version as a file; its labels and its note are the registry's, and stay there."""
    fields = {name: getattr(prompt, name) for name in Draft.__struct_fields__}
    draft = Draft(**{**fields, "labels": (), "note": ""})
    return PromptFile(
        draft=draft, folder=entry.folder, tags=entry.tags, description=entry.description
    )


def file_name(name: str) -> str:
    """What the file of a prompt is called.

    >>> file_name("support-answer"), file_name("what?")
    ('support-answer.prompt.md', 'what%3F.prompt.md')
    """
    safe = _safe(name)
    if len(safe.encode()) > _LONGEST_NAME:
        short = safe.encode()[:80].decode(errors="ignore")
        safe = f"{short}-{sha256(name.encode()).hexdigest()[:16]}"
    return safe + SUFFIX


def directory_name(folder: str) -> str:
    """What the directory of a folder is called, below that of all the files.

    >>> directory_name("support/mail"), directory_name("../x")
    ('support/mail', '%2E%2E/x')
    """
    return "/".join(map(_safe, folder.split("/")))


def folder_of(steps: Sequence[str]) -> str:
    """The folder of a prompt whose file does not say one: the directories that the file is in.

    >>> folder_of(["support", "mail"])
    'support/mail'
    """
    return "/".join(map(unquote, steps))


def _safe(name: str) -> str:
    return _NOT_IN_FILES.sub(lambda odd: f"%{ord(odd[0]):02X}", name)


def name_of(path: str) -> str:
    """What the prompt of a file is called, unless the file says another name."""
    return unquote(re.split(r"[/\\]", path)[-1].removesuffix(SUFFIX))
