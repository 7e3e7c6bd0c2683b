"""Failing: what a provider says of its failure, as far as guards of the answer let it.

An error may quote the request it is about, or the prompt around it. Its message is one text, and
all of its bytes are another; where a guard wants anything out of either, the caller gets the
message alone, without it.
"""

from __future__ import annotations

from trimtab.errors import TrimtabError
from trimtab.gateway.heard import MESSAGE, MOST_FAILURE_BYTES, failure
from trimtab.gateway.hooks import Hooked
from trimtab.gateway.rulings import applied

WITHHELD = "what the provider said of its error is withheld"


async def without(hooked: Hooked, message: str, raw: bytes = b"") -> str | None:
    """The message that the caller may have instead; None where the error may go on as it came.

    Args:
        raw: the error as its provider sent it.
    """
    given = failure(message, raw)
    if not given:
        return None
    verdict = await hooked.judge(given)
    if verdict.block is not None:
        hooked.blocked = verdict.block
        return verdict.block.message
    if not verdict.edits and len(raw) <= MOST_FAILURE_BYTES:
        return None
    said = next((one.text for one in given if one.place == MESSAGE), "")
    return applied(said, [edit for edit in verdict.edits if edit.place == MESSAGE])


async def mend(hooked: Hooked, error: TrimtabError) -> None:
    """Have an error say only what guards of the answer let it."""
    if (message := await without(hooked, error.what)) is not None:
        error.what, error.args = message, (message,)
