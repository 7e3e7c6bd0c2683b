"""What `instrument` switched on in this process; everything is off until then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer, TracerProvider

    from trimtab.sdk.delivery import Delivery


class Active:
    """The tracer that spans come from (None: nothing is recorded) and where they go."""

    tracer: Tracer | None = None
    provider: TracerProvider | None = None
    delivery: Delivery | None = None
    content: bool = True


ACTIVE = Active()


def flush(timeout_s: float = 10.0) -> bool:
    """Bring everything recorded so far to the server; whether all of it is there."""
    delivery = ACTIVE.delivery
    return delivery.flush(timeout_s) if delivery is not None else True
