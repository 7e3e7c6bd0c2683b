"""Shelf: the prompts that requests may name, compiled at most once each.

In: every version of every prompt, at one moment. Out: the one that a reference means, ready to
render. What was compiled before is taken over, as a version never changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trimtab.errors import NotFound
from trimtab.prompts.bundle import bundled
from trimtab.prompts.template import CompiledPrompt
from trimtab.records import Example, Prompt

_SHOWN = 5  # labels named in an error

Rows = Callable[[str, str], Iterable[Example]]
"""The rows of a dataset version, by project and reference; raises NotFound."""


def _none(project: str, ref: str) -> Iterable[Example]:
    raise NotFound(f"there is no dataset {ref!r} in project {project!r}")


class Shelf:
    """The prompts of one moment; each is compiled when it is first asked for.

    Args:
        former: the shelf that this one takes the place of.
        revision: of the store when the prompts were read.
        rows: where the examples of shots are.

    `compiled` has those that were compiled so far, by project and `name@version`.
    """

    def __init__(
        self,
        prompts: Iterable[Prompt] = (),
        former: Shelf | None = None,
        *,
        revision: int = -1,
        rows: Rows = _none,
    ) -> None:
        self.revision = revision
        self._rows = rows
        self._prompts: dict[tuple[str, str], Prompt] = {}
        self._labelled: dict[tuple[str, str], Prompt] = {}
        self._newest: dict[tuple[str, str], Prompt] = {}
        for prompt in prompts:
            self._prompts[prompt.project, prompt.ref] = prompt
            for label in prompt.labels:
                self._labelled[prompt.project, f"{prompt.name}@{label}"] = prompt
            newest = self._newest.get((prompt.project, prompt.name))
            if newest is None or prompt.version > newest.version:
                self._newest[prompt.project, prompt.name] = prompt
        known = former.compiled if former is not None else {}
        self.compiled: dict[tuple[str, str], CompiledPrompt] = {
            key: known[key] for key in list(known) if key in self._prompts
        }

    def find(self, project: str, ref: str) -> CompiledPrompt | None:
        """`name@3`, `name@production`, or `name` for the newest; None where there is none.

        Raises:
            InvalidRequest: it cannot be compiled.
        """
        prompt = self._meant(project, ref)
        return None if prompt is None else self._ready(prompt)

    def is_cold(self, project: str, ref: str) -> bool:
        """Whether `find` would compile the prompt, which can take a while."""
        prompt = self._meant(project, ref)
        return prompt is not None and (project, prompt.ref) not in self.compiled

    def _meant(self, project: str, ref: str) -> Prompt | None:
        key = project, ref
        return self._newest.get(key) or self._prompts.get(key) or self._labelled.get(key)

    def lacking(self, project: str, ref: str) -> NotFound | None:
        """What to say to a version or a label that a prompt does not have; None without one."""
        name, at, said = ref.partition("@")
        newest = self._newest.get((project, name)) if at else None
        if newest is None:
            return None
        labels = self._labels(project, name)
        versions = f"{name}@1" + (f" to {newest.ref}" if newest.version > 1 else "")
        labelled = ", ".join(f"{name}@{one}" for one in labels[:_SHOWN])
        more = " ..." if len(labels) > _SHOWN else ""
        return NotFound(
            f"the prompt {name[:200]!r} has no version or label {said[:100]!r}",
            where="model",
            fix=f"write {name} for the newest, {versions}"
            + (f", or {labelled}{more}" if labels else "; it has no labels"),
            latest=newest.version,
            labels=labels,
        )

    def _labels(self, project: str, name: str) -> list[str]:
        found = (ref.partition("@") for at, ref in self._labelled if at == project)
        return sorted(label for owner, _, label in found if owner == name)

    def _ready(self, prompt: Prompt) -> CompiledPrompt:
        key = prompt.project, prompt.ref
        found = self.compiled.get(key)
        if found is None:
            found = self.compiled[key] = self.compile(prompt)
        return found

    def compile(self, prompt: Prompt) -> CompiledPrompt:
        """A prompt with what it takes in. Raises InvalidRequest."""
        project = prompt.project
        return CompiledPrompt.of(
            bundled(prompt, lambda ref: self._version(project, ref), self._rows_of(project))
        )

    def _rows_of(self, project: str) -> Callable[[str], Iterable[Example]]:
        return lambda ref: self._rows(project, ref)

    def _version(self, project: str, ref: str) -> Prompt:
        found = self._prompts.get((project, ref))
        if found is None:
            raise NotFound(f"there is no prompt {ref!r} in project {project!r}")
        return found
