"""What whoever starts a job says, before anything is looked up."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from trimtab.client import Client
from trimtab.errors import InvalidRequest
from trimtab.optimiser.caps import Caps
from trimtab.optimiser.job import ALGORITHMS, Algo
from trimtab.ports import Chat


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a job.

    Args:
        metrics: names of scorers, the first of which is to get better, with the loss that is
            tolerable of the others (`token_f1:0.02`), or scorers themselves.
        model: that answers.
        judge: that judges, for scorers that ask one.
        reflect_model: that writes instructions; None: the judge, else the model that answers.
        split: as `splits.splits_of` takes it.
        max_tokens: of an answer where the prompt sets no limit; needed to limit dollars.
        allow_uncalibrated: judges that nobody has measured may decide too.
        output: a file for the new version, in the place of the server.
    """

    metrics: tuple[Any, ...]
    model: str
    caps: Caps
    algo: Algo = "auto"
    judge: str | None = None
    reflect_model: str | None = None
    split: str | None = None
    seed: int = 0
    rounds: Annotated[int, Meta(ge=1, le=100)] = 6
    concurrency: Annotated[int, Meta(ge=1, le=512)] = 8
    max_tokens: int | None = None
    timeout_s: float = 600.0
    resume: bool = False
    allow_uncalibrated: bool = False
    output: Path | None = None

    def check(self) -> None:
        """Raises InvalidRequest for what no job could do."""
        self.caps.check()
        if self.algo not in ALGORITHMS:
            raise InvalidRequest(
                f"algo is {self.algo!r}", where="algo", fix=f"use {', '.join(ALGORITHMS)}"
            )
        if not self.metrics:
            raise InvalidRequest(
                "it is not said what is to get better",
                where="metric",
                fix="name a scorer; `trimtab scorers list` shows what there is",
            )
        for name, least in (("rounds", 1), ("concurrency", 1)):
            if getattr(self, name) < least:
                raise InvalidRequest(f"{name} is below {least}", where=name, fix=f"give {least}")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise InvalidRequest("max_tokens is below 1", where="max_tokens", fix="give more")

    @property
    def reflects_with(self) -> str:
        """The model that writes instructions."""
        return self.reflect_model or self.judge or self.model


class Place(NamedTuple):
    """Where a job happens.

    `client` is of the server that has prompts and datasets and answers; None without one. Journals
    are in `folder`, None keeps none. `chat` asks in the place of the server's gateway.
    """

    client: Client | None = None
    key: str | None = None
    folder: Path | None = None
    chat: Chat | None = None


class Named(NamedTuple):
    """What is to be improved and on what, by name or as it is."""

    prompt: Any
    data: Any

    @property
    def rows(self) -> Iterable[Any] | None:
        """Rows of a program, None where they have a name."""
        return None if isinstance(self.data, str | Path) else self.data
