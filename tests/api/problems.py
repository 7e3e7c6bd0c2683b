"""What every error of the management API has in common."""

from __future__ import annotations

import re
from typing import Any

from tests.serving import Reply

# A traceback, a source file, or a folder of the machine that the server runs on.
PRIVATE = re.compile(
    r"Traceback|\.py\b|site-packages|(?<!\w)/(?:tmp|var|home|root|usr|work|private)/"
)


def problem(reply: Reply, status: int, *, where: str | None = None) -> dict[str, Any]:
    """The problem details of a reply, checked against RFC 9457 and our own rules."""
    found: dict[str, Any] = reply.json
    assert reply.status == status, found
    assert reply.headers["content-type"] == "application/problem+json"
    assert re.fullmatch(r"urn:trimtab:error:[a-z_]+", found["type"])
    assert found["title"] == found["type"].rpartition(":")[2].replace("_", " ")
    assert found["status"] == status
    assert found["detail"]
    assert not PRIVATE.search(reply.body.decode()), found
    if where is not None:
        assert found.get("where") == where, found
    return found
