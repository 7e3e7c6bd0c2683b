"""Files of prompts and the registry: what is the same, what moved on which side, what on both.

Three things are compared, as in a merge: the file, the newest version, and what both were when they
were last brought together, which the lock file says. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Literal

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.kit.hashing import digest
from trimtab.prompts.prompt_files import PromptFile
from trimtab.prompts.template import needs
from trimtab.prompts.write import Draft
from trimtab.records import Partial, Prompt, PromptBundle

LOCK_NAME = "prompts.lock.json"

State = Literal["same", "to push", "to pull", "conflict"]


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What a prompt was when its file and the registry were last the same."""

    version: int
    digest: str


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """By the names of prompts. It belongs into the repository, beside the files."""

    prompts: dict[str, Synced] = {}


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The newest version of a prompt in the registry."""

    version: int
    file: PromptFile
    labels: tuple[str, ...] = ()


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How one prompt stands; None for what is not there."""

    name: str
    state: State
    local: PromptFile | None = None
    known: Known | None = None
    synced: Synced | None = None

    @property
    def version(self) -> int:
        """The newest version there must be for a push to be right."""
        return self.known.version if self.known is not None else 0


def read_lock(text: str, path: str) -> Lock:
    """Raises InvalidRequest."""
    return jsonx.decode(text.encode(), Lock, what=path)


def written_lock(lock: Lock) -> str:
    ordered = Lock(prompts=dict(sorted(lock.prompts.items())))
    return msgspec.json.format(jsonx.encode(ordered), indent=2).decode() + "\n"


def said(file: PromptFile) -> str:
    """Digest of what a file says; its labels are for a push to set, and no content."""
    draft = file.draft
    shots = draft.shots
    content = [
        [draft.messages, draft.syntax, draft.declared, shots, draft.parameters],
        [draft.tools, draft.output_schema, file.folder, file.tags, file.description],
    ]
    return digest(msgspec.to_builtins(content))


def standings(
    files: Iterable[PromptFile], registry: Mapping[str, Known], lock: Lock
) -> Iterator[Standing]:
    """How each prompt stands that has a file or is in the registry, by name."""
    local = {one.draft.name: one for one in files}
    for name in sorted({*local, *registry}):
        file, known, synced = local.get(name), registry.get(name), lock.prompts.get(name)
        yield Standing(
            name=name,
            state=_state(file, known, synced),
            local=file,
            known=known,
            synced=synced,
        )


def _state(file: PromptFile | None, known: Known | None, synced: Synced | None) -> State:
    if file is None:
        return "to pull"
    if known is None:
        return "to push" if synced is None else "conflict"
    here, there = said(file), said(_unpinned(known.file, file))
    if here == there:
        return "same" if set(file.draft.labels) <= set(known.labels) else "to push"
    if synced is None:
        return "conflict"
    if here == synced.digest:
        return "to pull"
    return "to push" if there == synced.digest else "conflict"


def _unpinned(known: PromptFile, file: PromptFile) -> PromptFile:
    """What the registry has, its examples named as the file names them: without the version that
    they were pinned to, where the file leaves it open."""
    mine, theirs = file.draft.shots, known.draft.shots
    if mine is None or theirs is None or mine.dataset is None or theirs.dataset is None:
        return known
    if theirs.dataset.rpartition("@")[0] != mine.dataset:
        return known
    shots = msgspec.structs.replace(theirs, dataset=mine.dataset)
    draft = msgspec.structs.replace(known.draft, shots=shots)
    return msgspec.structs.replace(known, draft=draft)


def in_order(files: Iterable[PromptFile]) -> Sequence[PromptFile]:
    """Files so that each comes after those that it takes in.

    Raises:
        InvalidRequest: a template does not compile, or prompts take in each other.
    """
    named = {one.draft.name: one for one in files}
    graph = {name: taken_in(one) & set(named) for name, one in sorted(named.items())}
    try:
        return [named[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise InvalidRequest(f"prompts take in each other: {circle}", where="messages") from None


def taken_in(file: PromptFile) -> set[str]:
    """The prompts that a file takes in, in their newest versions. Raises InvalidRequest."""
    return set(needs(file.draft.messages, file.draft.syntax).partials)


def unstored(file: PromptFile, beside: Mapping[str, PromptFile]) -> PromptBundle:
    """What a file would be as a version, with the prompts that it takes in where there is a file.

    Raises:
        InvalidRequest: a template does not compile, or a prompt takes in itself.
    """
    found: dict[str, PromptFile] = {}
    open_ = [*taken_in(file)]
    while open_:
        name = open_.pop()
        if name == file.draft.name:
            raise InvalidRequest(f"the prompt {name!r} takes in itself", where="messages")
        if name in beside and name not in found:
            found[name] = beside[name]
            open_ += taken_in(beside[name])
    partials = tuple(_as_prompt(one, found) for one in found.values())
    return PromptBundle(prompt=_as_prompt(file, found), partials=partials)


def _as_prompt(file: PromptFile, known: Mapping[str, PromptFile]) -> Prompt:
    draft = file.draft
    variables = set(needs(draft.messages, draft.syntax).variables)
    for one in known.values():
        variables |= set(needs(one.draft.messages, one.draft.syntax).variables)
    fields = {name: getattr(draft, name) for name in Draft.__struct_fields__}
    partials = [Partial(name=name, ref=f"{name}@0", digest="") for name in sorted(taken_in(file))]
    return Prompt(
        **fields,
        version=0,
        variables=tuple(sorted(variables)),
        partials=tuple(partials),
        digest="",
        created_ns=0,
    )
