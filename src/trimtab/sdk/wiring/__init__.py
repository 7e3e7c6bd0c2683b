"""What is recorded without the application saying so: clients of models, other libraries, threads.

The clients this package knows are wired when they are imported, so instrumenting imports none.
"""

from __future__ import annotations

from opentelemetry.trace import TracerProvider

from trimtab.sdk.wiring import anthropic, installed, openai
from trimtab.sdk.wiring.imports import Imports


def wire(provider: TracerProvider, skip: frozenset[str]) -> None:
    """Wire every client but those named in `skip`."""
    imports = Imports()
    for name, known in (("openai", openai), ("anthropic", anthropic)):
        if name not in skip:
            for module, hook in known.HOOKS.items():
                imports.after(module, hook)
    imports.install()
    installed.activate(provider, skip | {"openai", "anthropic"})
