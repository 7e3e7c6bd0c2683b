"""Emitters import SDKs that live in environments of their own, so they are not collected here."""

import pytest

pytest.register_assert_rewrite("tests.compat.telling")

collect_ignore = ["emitters"]
