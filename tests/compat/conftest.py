"""Emitters import SDKs that live in environments of their own, so they are not collected here."""

collect_ignore = ["emitters"]
