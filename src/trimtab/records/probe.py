"""Probe: pinned questions asked again and again, to notice that a model behind a name changed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from trimtab.records.record import Record


class Probe(Record, frozen=True, kw_only=True):
    """Questions of a dataset version, asked of a model or route every `every_s` seconds.

    Each look is a run named `probe/NAME`; the first is what later ones are compared with, until
    somebody takes another as the reference. `repeats` are asked at the first look, to learn how
    much the answers differ by themselves. `parameters` go over a temperature of 0 and a fixed seed.
    """

    name: str
    project: str = "default"
    ask: str
    dataset: str
    parameters: dict[str, Any] = {}
    every_s: Annotated[float, Meta(ge=60, le=31_536_000)] = 86_400.0
    repeats: Annotated[int, Meta(ge=1, le=20)] = 3
    alpha: Annotated[float, Meta(gt=0, lt=1)] = 0.01
    enabled: bool = True
    reference: str | None = None


class ProbeLook(Record, frozen=True, kw_only=True):
    """What one look of a probe found, against the reference.

    `likeness` is the mean likeness of answers to those of the reference, in [0, 1], and `expected`
    that of the reference to itself. `models` are the names that the provider said answered.
    """

    probe: str
    project: str = "default"
    run: str
    time_ns: int
    status: Literal["reference", "same", "drifted", "inconclusive", "failed"]
    likeness: float | None = None
    expected: float | None = None
    p_value: float | None = None
    models: tuple[str, ...] = ()
    sentence: str = ""
