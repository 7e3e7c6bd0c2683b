"""Judges, and how far they can be believed."""

from __future__ import annotations

from typing import Any

import msgspec

from trimtab.client.api import Api


class Judges(Api):
    """The built-in judges, and calibration cards."""

    def judges(self) -> list[dict[str, Any]]:
        """The built-in judges: what each measures, needs and takes."""
        return self._page("/api/v1/judges", {})

    def cards(self, scorer: str | None = None) -> list[dict[str, Any]]:
        """Calibration cards, newest first: how far judges can be believed."""
        return self._page("/api/v1/cards", {"scorer": scorer})

    def add_card(self, card: Any) -> dict[str, Any]:
        """Keep a calibration card; project and time are the server's to say."""
        body = msgspec.to_builtins(card)
        given = {name: body[name] for name in body if name not in ("project", "created_ns")}
        stored: dict[str, Any] = self.post("/api/v1/cards", given)
        return stored
