"""Clients that other people wrote, at both providers, in environments of their own.

They come from `make sdks`, in the folder that TRIMTAB_SDKS names (`.sdks` of the repository without
it). Without them a test is skipped with the reason; with CI or TRIMTAB_REQUIRE_SDKS set it fails.
A client for Go is not among them: there is no official one that can be had without its toolchain.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Never

import pytest
from tests.gateway.gateway import ADMIN, Room

pytestmark = [pytest.mark.sdks, pytest.mark.slow]

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
VECTOR = [0.5, 0.25, -0.125]
# What is said, and the tokens of both ways. LiteLLM cannot read the stream of `an/thinking`, at the
# provider itself either: it takes a line separator in a text for the end of a line.
SAID = {
    "oa": ("Hello", [1200, 340]),
    "an/thinking": ("Hello", [2000, 340]),
    "an/messages-text": ("Grüezi 🙂", [111, 25]),
}
CALLS = {
    "oa": [["weather", {"city": "Zürich"}], ["time", {"zone": "CET"}]],
    "an": [["weather", {"city": "Zürich"}], ["now", {}]],
}
# How many answers, calls and turns a client tells of, and what it says besides.
REPORTS: dict[str, tuple[int, dict[str, Any]]] = {
    "with_langchain.py": (
        20,
        {
            "openai limited": "OpenAIRateLimitError",
            "openai unknown": "OpenAIModelNotFoundError",
            "anthropic limited": "AnthropicRateLimitError",
            "anthropic unknown": "AnthropicModelNotFoundError",
            "embedding": VECTOR,
        },
    ),
    "with_litellm.py": (
        16,
        {
            "openai limited": "RateLimitError",
            # It takes a 404 for what it is only where the code is OpenAI's `model_not_found`.
            "openai unknown": "BadRequestError",
            "anthropic limited": "RateLimitError",
            "anthropic unknown": "NotFoundError",
            "embedding": VECTOR,
        },
    ),
    "with_node.mjs": (
        26,
        {
            "openai responses": "Hello",
            "openai speech": 76_800,
            "openai oa-status-429": ["RateLimitError", 429],
            "openai oa/nobody": ["NotFoundError", 404],
            "openai oa-reset": ["InternalServerError", 503],
            "compatible limited": ["AI_APICallError", 429],
            "anthropic limited": ["AI_APICallError", 429],
            "embedding": VECTOR,
        },
    ),
}


@pytest.mark.parametrize("program", REPORTS)
def test_it_hears_what_the_providers_said(shared: Room, tmp_path: Path, program: str) -> None:
    told = report(program, shared.server.url, tmp_path)
    count, besides = REPORTS[program]
    assert {name: told.pop(name) for name in besides} == besides
    assert len(told) == count
    for name, value in told.items():
        _, model, *form = name.split(" ")
        provider = model.partition("/")[0]
        if form[-1] == "calls":
            assert value == CALLS[provider], name
        elif form[-1] == "turn":
            assert value == "Hello", name
        else:
            assert (value[0], value[-2:]) == SAID[model if provider == "an" else provider], name
            assert value[1:-2] in ([], ["stop"]), name


def report(program: str, url: str, home: Path) -> dict[str, Any]:
    """Run a client to its end; what it printed last."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # it would look for prices on the internet
        "PACKAGES": str(installed("node")),
        "URL": url,
        "KEY": ADMIN,
    }
    done = subprocess.run(
        [*interpreter(program), str(HERE / "clients" / program)],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def interpreter(program: str) -> list[str]:
    if program.endswith(".py"):
        return [str(installed("clients") / "bin" / "python")]
    node = shutil.which("node")
    return [node] if node else _missing("Node is not installed")


def installed(environment: str) -> Path:
    """The folder of an environment that is as its pins say."""
    folder = REPOSITORY / (os.environ.get("TRIMTAB_SDKS") or ".sdks") / environment
    wanted = REPOSITORY / "dev" / "sdks"
    wanted /= "node/package-lock.json" if environment == "node" else f"{environment}.txt"
    pins = folder / ".pins"
    if not pins.is_file() or pins.read_bytes() != wanted.read_bytes():
        _missing(f"{environment} is not in {folder.parent}, or with other pins; run: make sdks")
    return folder


def _missing(reason: str) -> Never:
    if os.environ.get("CI") or os.environ.get("TRIMTAB_REQUIRE_SDKS"):
        pytest.fail(reason)
    pytest.skip(reason)
