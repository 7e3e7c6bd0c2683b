"""Release: what answers behind a route name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from trimtab.kit.hashing import digest
from trimtab.records.record import Record

ReleaseState = Literal["draft", "candidate", "canary", "live", "retired"]


class ModelTarget(Record, frozen=True, kw_only=True):
    """A model that may answer, and its share of the traffic relative to its siblings."""

    model: str
    weight: float = 1.0


class Retrieval(Record, frozen=True, kw_only=True):
    """How passages are found for a question: BM25 over a chunked corpus.

    `chunk_words` is the target size of a passage; `k1` and `b` are the BM25 parameters
    (Robertson & Zaragoza 2009, section 3.2); `stemmer` is a Snowball language or None.
    """

    corpus: str
    k: Annotated[int, Meta(ge=1, le=100)] = 4
    chunk_words: Annotated[int, Meta(ge=10, le=5000)] = 120
    k1: Annotated[float, Meta(ge=0, le=100)] = 1.2
    b: Annotated[float, Meta(ge=0, le=1)] = 0.75
    stemmer: str | None = "english"


class Approval(Record, frozen=True, kw_only=True):
    """Who moved a release on, when, and on what evidence; `share` is that of a canary."""

    principal: str
    time_ns: int
    action: Literal["approve", "canary", "end_canary", "promote", "retire", "roll_back"]
    run: str | None = None
    reason: str | None = None
    share: float | None = None


class Release(Record, frozen=True, kw_only=True):
    """A deployable bundle behind a route name.

    The content (prompt, targets, parameters, guard policy, retrieval) is immutable and hashed into
    `digest`; `state` and `approvals` are its life. At most one release of a route is live, and at
    most one is its canary, which answers `share` of the requests (above 0, below 1).
    """

    release_id: str
    route: str
    version: int
    project: str = "default"
    prompt: str | None = None
    targets: tuple[ModelTarget, ...]
    parameters: dict[str, Any] = {}
    guard_policy: str | None = None
    retrieval: Retrieval | None = None
    state: ReleaseState = "draft"
    share: float | None = None
    digest: str
    approvals: tuple[Approval, ...] = ()
    note: str = ""
    created_ns: int

    @property
    def ref(self) -> str:
        """`route@version`, the way people name a release."""
        return f"{self.route}@{self.version}"


def release_digest(
    prompt_digest: str | None,
    targets: tuple[ModelTarget, ...],
    parameters: dict[str, Any],
    guard_policy: str | None,
    retrieval: Retrieval | None,
) -> str:
    """Hash of everything that can change an answer."""
    return digest([prompt_digest, targets, parameters, guard_policy, retrieval])
