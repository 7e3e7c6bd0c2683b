"""Examples of properties may take as long as the machine makes them."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("signals", deadline=None)
settings.load_profile("signals")
