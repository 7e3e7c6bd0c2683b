"""Models: a call, its answer, and who answers it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from trimtab.records import (
    Message,
    ModelCard,
    Prompt,
)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a provider, in a dialect it speaks, ready to send.

    `body` has the provider's own model name in it. `stream` asks for server-sent events.
    `timeout_s` is for the whole call, `first_byte_s` until the answer begins, `idle_s` between two
    pieces of it; None leaves the last two to the provider. `headers` are those of the caller that
    mean something to a provider (`anthropic-beta`), names in lower case.

    Only for the dialect `passthrough`, which is any path of the provider's API: `method`, `path`
    (below its base URL, query included) and `content_type`.
    """

    dialect: str = "openai.chat"
    model: str
    body: bytes
    stream: bool = False
    timeout_s: float = 600.0
    first_byte_s: float | None = None
    idle_s: float | None = None
    headers: Mapping[str, str] = {}
    method: str = "POST"
    path: str = ""
    content_type: str = "application/json"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's answer: status, headers worth passing on, and the body as it arrives.

    `chunks` yields the body in order and must be closed (`aclose`) when it is not read to the end;
    closing cancels the work behind it. Bytes are forwarded untouched. `mask` hides the provider's
    credential in bytes put together from several chunks, before they go on record; None where
    there is no credential. `lost` names the fields of the request that were left out because the
    model refuses them.
    """

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]
    mask: Callable[[bytes], bytes] | None = None
    lost: Sequence[str] = ()


class Provider(Protocol):
    """A source of model answers. `name` is the part of a model id before the first slash.

    One that knows what its models do not take may also have `refuses(model, parameters)`: of the
    parameters in the shape of OpenAI's chat completions, those that a call would not get or would
    fail with, each with why ("leaves it out").
    """

    name: str

    def cards(self) -> Sequence[ModelCard]:
        """The models this provider offers; may be empty when it cannot list them."""
        ...

    def speaks(self, model: str) -> Sequence[str]:
        """Dialects (`trimtab.dialects.llm`) it takes for a model, the one it likes best first."""
        ...

    async def send(self, call: Call) -> Reply:
        """Start a call; the answer is in the dialect of the call.

        Raises:
            ProviderUnavailable: it could not be reached.
            ProviderTimeout: it did not start to answer in time.
        """
        ...

    async def aclose(self) -> None:
        """Release connections; calls in flight may fail afterwards."""
        ...


class Template(Protocol):
    """A compiled prompt; `prompt` is what it was made of."""

    @property
    def prompt(self) -> Prompt: ...

    def render(self, variables: Mapping[str, Any]) -> list[Message]:
        """The prompt's messages with its variables filled in.

        Raises:
            InvalidRequest: variables are missing, and which, or the template fails; `where` is the
                prompt.
        """
        ...
