"""Hatchling, with Node asked for where the web UI has to be built and the machine has none."""

from __future__ import annotations

import os
from typing import Any

import web
from hatchling.build import *  # noqa: F403
from hatchling.build import (
    get_requires_for_build_editable as _for_editable,
)
from hatchling.build import (
    get_requires_for_build_sdist as _for_sdist,
)
from hatchling.build import (
    get_requires_for_build_wheel as _for_wheel,
)


def get_requires_for_build_wheel(settings: dict[str, Any] | None = None) -> list[str]:
    return [*_for_wheel(settings), *_node()]


def get_requires_for_build_sdist(settings: dict[str, Any] | None = None) -> list[str]:
    return [*_for_sdist(settings), *_node()]


def get_requires_for_build_editable(settings: dict[str, Any] | None = None) -> list[str]:
    return [*_for_editable(settings), *([] if os.environ.get("TRIMTAB_SKIP_UI") else _node())]


def _node() -> list[str]:
    return [] if web.is_fresh() or web.system_node() else [web.NODE_WHEEL]
