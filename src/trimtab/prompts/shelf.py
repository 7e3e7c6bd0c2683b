"""Shelf: the prompts that requests may name, compiled at most once each.

In: every version of every prompt, at one moment. Out: the one that a reference means, ready to
render. What was compiled before is taken over, as a version never changes.
"""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.prompts.template import CompiledPrompt
from trimtab.records import Prompt


class Shelf:
    """The prompts of one moment; each is compiled when it is first asked for.

    Args:
        former: the shelf that this one takes the place of.
        revision: of the store when the prompts were read.

    `compiled` has those that were compiled so far, by project and `name@version`.
    """

    def __init__(
        self, prompts: Iterable[Prompt] = (), former: Shelf | None = None, *, revision: int = -1
    ) -> None:
        self.revision = revision
        self._prompts: dict[tuple[str, str], Prompt] = {}
        self._newest: dict[tuple[str, str], Prompt] = {}
        for prompt in prompts:
            self._prompts[prompt.project, prompt.ref] = prompt
            newest = self._newest.get((prompt.project, prompt.name))
            if newest is None or prompt.version > newest.version:
                self._newest[prompt.project, prompt.name] = prompt
        known = former.compiled if former is not None else {}
        self.compiled: dict[tuple[str, str], CompiledPrompt] = {
            key: known[key] for key in list(known) if key in self._prompts
        }

    def find(self, project: str, ref: str) -> CompiledPrompt | None:
        """`name@3`, or `name` for the newest; None where there is no such prompt.

        Raises:
            InvalidRequest: it cannot be compiled.
        """
        prompt = self._newest.get((project, ref)) or self._prompts.get((project, ref))
        return None if prompt is None else self._ready(prompt)

    def _ready(self, prompt: Prompt) -> CompiledPrompt:
        key = prompt.project, prompt.ref
        found = self.compiled.get(key)
        if found is None:
            found = self.compiled[key] = CompiledPrompt(prompt)
        return found
