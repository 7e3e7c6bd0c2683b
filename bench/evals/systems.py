"""The tools of bench/evals: where each is installed, how it is imported and how it is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
PEERS = Path(os.environ.get("EVALS_BENCH_PEERS", HERE.parents[1] / ".peers" / "evals"))
PROMPTFOO = PEERS / "promptfoo" / "node_modules" / ".bin" / "promptfoo"
QUIET = {
    "DEEPEVAL_TELEMETRY_OPT_OUT": "YES",
    "DEEPEVAL_UPDATE_WARNING_OPT_IN": "NO",
    "RAGAS_DO_NOT_TRACK": "true",
    "PROMPTFOO": str(PROMPTFOO),
    "PYTHONWARNINGS": "ignore",
}


class System(NamedTuple):
    """One tool.

    `imports` is what a program that evaluates with it imports; None for one that is no library.
    `adds` are distributions that its judge needs and it does not bring itself.
    """

    name: str
    distribution: str
    imports: str | None
    adds: str = ""

    @property
    def python(self) -> Path:
        venv = PEERS / self.name / "bin" / "python"
        return venv if venv.exists() else Path(sys.executable)

    @property
    def installed(self) -> bool:
        if self.name in ("trimtab", "floor"):
            return True
        return (
            PROMPTFOO.exists() if self.name == "promptfoo" else self.python != Path(sys.executable)
        )

    @property
    def adapter(self) -> Path:
        return HERE / "adapters" / f"{self.name.replace('-', '_')}_.py"

    def run(self, *arguments: object, directory: Path, limit_s: float = 600.0) -> dict[str, Any]:
        """The figures that the adapter prints; what it said otherwise is dropped.

        Raises:
            Broken: it did not come to its end.
        """
        command = [self.python, self.adapter, *map(str, arguments)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIMTAB_")}
        try:
            done = subprocess.run(
                command,
                check=False,
                capture_output=True,
                text=True,
                cwd=directory,
                env={**environment, **QUIET},
                timeout=limit_s,
            )
        except subprocess.TimeoutExpired:
            raise Broken(f"not done in {limit_s:g} s") from None
        if done.returncode:
            raise Broken((done.stderr.strip() or "no message").splitlines()[-1][:200])
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return found


class Broken(Exception):
    """A tool did not do its work; says what it said last."""


FLOOR = System("floor", "aiohttp", None)
SYSTEMS = {
    system.name: system
    for system in (
        System("trimtab", "trimtab", "import trimtab; trimtab.evaluate"),
        System("autoevals", "autoevals", "import autoevals", "openai"),
        System("pydantic-evals", "pydantic-evals", "import pydantic_evals", "openai"),
        System("ragas", "ragas", "import ragas"),
        System("deepeval", "deepeval", "import deepeval"),
        System("inspect-ai", "inspect-ai", "import inspect_ai", "openai"),
        System("promptfoo", "promptfoo", None),
    )
}
