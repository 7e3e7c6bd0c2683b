"""What `instrument` switched on in this process; everything is off until then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer, TracerProvider

    from trimtab.sdk.delivery import Delivery


class Output(Protocol):
    """An output that the application reads piece by piece, and may never read to its end."""

    def settle(self) -> None:
        """The process ends: record what was read."""


class Active:
    """The tracer that spans come from (None: nothing is recorded) and where they go.

    `url` and `key` are those that `instrument` was given.
    """

    tracer: Tracer | None = None
    provider: TracerProvider | None = None
    delivery: Delivery | None = None
    content: bool = True
    url: str | None = None
    key: str | None = None

    def __init__(self) -> None:
        self.outputs: WeakValueDictionary[int, Output] = WeakValueDictionary()

    def follow(self, output: Output) -> None:
        """Settle this output when the process ends, if it is still there."""
        self.outputs[id(output)] = output


ACTIVE = Active()


def flush(timeout_s: float = 10.0) -> bool:
    """Bring everything recorded so far to the server; whether all of it is there."""
    delivery = ACTIVE.delivery
    return delivery.flush(timeout_s) if delivery is not None else True
