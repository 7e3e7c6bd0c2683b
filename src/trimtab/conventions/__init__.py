"""What OpenTelemetry spans of LLM applications mean: from raw attributes to our Span.

Every instrumentation has its own words for the same things. Each convention is one file with a
table of attribute keys; `normalise` reads a span through all of them at once. Pure, and it never
refuses a span: what is not understood stays in `attributes`, where everything stays anyway.
"""

from trimtab.conventions.assemble import normalise
from trimtab.conventions.events import heard

__all__ = ["heard", "normalise"]
