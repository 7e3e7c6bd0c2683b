"""Every compiled prompt keeps the contract."""

import pytest

from trimtab.prompts.template import CompiledPrompt
from trimtab.records import Prompt
from trimtab.testing.template import Compile, TemplateContract


class TestCompiledPrompt(TemplateContract):
    @pytest.fixture
    def compiled(self) -> Compile:
        return lambda messages: CompiledPrompt(
            Prompt(name="p", version=1, messages=tuple(messages), digest="", created_ns=0)
        )
