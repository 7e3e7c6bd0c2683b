"""`trimtab/extract`, the embedded model: quotes sentences of passages, or abstains."""

from trimtab.providers.extract.provider import ExtractProvider

__all__ = ["ExtractProvider"]
