"""Labels of prompts that more is needed to move than writing prompts."""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.api.http import Request
from trimtab.errors import Forbidden
from trimtab.governance import access


def require_movable(request: Request, labels: Iterable[str]) -> None:
    """Raises Forbidden for a protected label that the caller may not move."""
    protected = request.app.config.prompts.protected_labels
    for word in labels:
        if word in protected:
            try:
                access.require(request.principal, "prompts:promote")
            except Forbidden as error:
                raise Forbidden(
                    f"the label {word!r} is protected, and {error.what}",
                    where="label",
                    fix=error.fix,
                    **error.fields,
                ) from None
