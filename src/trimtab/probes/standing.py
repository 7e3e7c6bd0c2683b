"""Where a probe stands: its reference, the looks since, and what the last ones found. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from trimtab.records import Probe, ProbeLook


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """`reference` None: the next look is one. `looks` is how many were compared with it so far."""

    reference: ProbeLook | None
    looks: int = 0


def standing(probe: Probe, looks: Sequence[ProbeLook]) -> Standing:
    """Where a probe stands.

    Args:
        looks: newest first, as many as there are since the reference, and it.
    """
    compared = 0
    for look in looks:
        is_named = look.run == probe.reference
        if is_named or (probe.reference is None and look.status == "reference"):
            return Standing(reference=look, looks=compared)
        if look.p_value is not None:
            compared += 1
    return Standing(reference=None)


class Latest(msgspec.Struct, frozen=True, kw_only=True):
    """The newest look of a probe, and the newest that could tell something; None before there is
    one."""

    probe: Probe
    look: ProbeLook | None
    told: ProbeLook | None


def latest(probe: Probe, looks: Sequence[ProbeLook]) -> Latest:
    """What the newest looks of a probe found.

    Args:
        looks: newest first.
    """
    told = (one for one in looks if one.status in ("reference", "same", "drifted"))
    return Latest(probe=probe, look=next(iter(looks), None), told=next(told, None))
