"""promptfoo: the whole run of `promptfoo eval`, with `equals` or `llm-rubric`.

It has no library call that leaves out its start, so its figures hold that too. `PROMPTFOO` names
the program.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from measured import CONCURRENCY, RUBRIC, Case, main, stated

QUIET = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
    "PROMPTFOO_CACHE_ENABLED": "false",
    "NODE_NO_WARNINGS": "1",
}


def evaluated(cases: list[Case], check: dict[str, Any], options: dict[str, Any]) -> str:
    wanted = {
        "prompts": ["{{answer}}"],
        "providers": ["echo"],
        "defaultTest": {"assert": [check], "options": options},
        "tests": [{"vars": case} for case in cases],
    }
    with tempfile.TemporaryDirectory(prefix="evals-bench-") as folder:
        config, output = Path(folder, "promptfooconfig.json"), Path(folder, "out.json")
        config.write_text(json.dumps(wanted))
        command = [os.environ["PROMPTFOO"], "eval", "--config", config, "--output", output]
        command += ["--no-table", "--no-progress-bar", "--no-cache", "--no-share"]
        command += ["--max-concurrency", str(CONCURRENCY)]
        done = subprocess.run(
            command,
            check=False,
            cwd=folder,
            env={**os.environ, **QUIET, "PROMPTFOO_CONFIG_DIR": folder},
            capture_output=True,
            text=True,
        )
        print(done.stdout, done.stderr)
        stats = json.loads(output.read_text())["results"]["stats"]
    counts = {name: stats[name] for name in ("successes", "failures", "errors")}
    share = counts["successes"] / sum(counts.values())
    return stated(pass_rate=share, **counts, exit_code=done.returncode)


def judge(cases: list[Case], *, url: str) -> str:
    settings = {"apiBaseUrl": url + "/v1", "apiKey": "none"}
    provider = {"id": "openai:chat:judge", "config": settings}
    check = {"type": "llm-rubric", "value": RUBRIC + " Expected: {{expected}}"}
    return evaluated(cases, check, {"provider": provider})


if __name__ == "__main__":
    equal = {"type": "equals", "value": "{{expected}}"}
    main(lambda cases: evaluated(cases, equal, {}), judge)
