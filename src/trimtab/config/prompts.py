"""What the file says of prompts: which labels only a promotion moves."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class PromptsSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which labels need more than writing prompts does."""

    protected_labels: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=100)], ...],
        Meta(
            description="Labels that only a key with the permission `prompts:promote` points to a"
            " version or takes away; [] for none.",
        ),
    ] = ("production",)
