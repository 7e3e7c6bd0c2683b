"""`python_tests` runs real code in real processes: what passes, what fails, what is kept in."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import psutil
import pytest

from trimtab.ports import Subject
from trimtab.records import Score, Target
from trimtab.scorers import python_tests as module
from trimtab.scorers import sandbox
from trimtab.scorers.registry import BUILT_IN
from trimtab.testing.scorer import judge

UNITTEST = """
import unittest
class Test(unittest.TestCase):
    def test(self): self.assertEqual(f(), 1)
unittest.main()
"""


def run(
    code: str, tests: str = "pass", *, limit_s: float = 20.0, packages: bool = False
) -> str | None:
    return asyncio.run(
        module.run([code, tests], limit_s=limit_s, memory_mib=512, packages=packages)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "tests", "reason"),
    [
        ("def f(): return 1", "assert f() == 1", None),
        ("def f(): return 2", "assert f() == 1, 'it is 2'", "AssertionError: it is 2"),
        ("def f(): return 1", UNITTEST, None),
        ("def f(): return 2", UNITTEST, "the tests failed"),
        ("def f(:", "pass", "SyntaxError: invalid syntax (answer, line 1)"),
        ("raise KeyboardInterrupt", "pass", "KeyboardInterrupt"),
        ("f = 1\nif __name__ == '__main__': raise SystemExit", "assert f == 1", None),
        (
            "from dataclasses import dataclass\n@dataclass\nclass A:\n  x: int",
            "import pickle\nassert pickle.loads(pickle.dumps(A(1))) == A(1)",
            None,
        ),
        ("x = '\ud800'", "assert x == '?'", None),
        ("input()", "pass", "EOFError: EOF when reading a line"),
    ],
)
def test_the_tests_decide(code: str, tests: str, reason: str | None) -> None:
    assert run(code, tests) == reason


@pytest.mark.parametrize(
    ("code", "tests"),
    [
        ("import sys; sys.exit(0)", "assert False"),
        ("import os; os._exit(0)", "assert False"),
        ("import sys\ndef f(): sys.exit(0)", "f()\nassert False"),
        ("import os\ndef f(): os._exit(0)", "f()\nassert False"),
        ("import os\nclass A:\n  def __eq__(self, other): os._exit(0)\nf = A()", "assert f == 1"),
    ],
)
def test_code_that_ends_before_its_tests_has_not_passed_them(code: str, tests: str) -> None:
    assert run(code, tests) == "the program ended before its tests did"


FRAMES = """
import os, sys
frame = sys._getframe()
while frame:
    if 'PASSED' in frame.f_globals: os._exit(frame.f_globals['PASSED'])
    frame = frame.f_back
"""
OBJECTS = """
import gc, os
for held in gc.get_objects():
    if isinstance(held, dict) and 'PASSED' in held: os._exit(held['PASSED'])
"""
DESCRIPTORS = """
import os
for number in range(3, 64):
    try:
        os.set_blocking(number, False)
        os.write(number, os.read(number, 1000))
    except OSError: pass
os._exit(0)
"""


@pytest.mark.parametrize("code", [FRAMES, OBJECTS, DESCRIPTORS])
def test_what_code_finds_in_its_process_is_not_enough_to_end_as_passed(code: str) -> None:
    assert run(code, "assert False") == "the program ended before its tests did"


def test_no_exit_status_alone_is_a_pass() -> None:
    passed = [code for code in range(256) if sandbox._status(code << 8, False) == sandbox.PASSED]
    assert passed == []
    assert sandbox._status(0, True) == sandbox.PASSED


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time; time.sleep(1000)",
        "import sys\nwhile True: sys.stdout.write('x' * 10**6)",
        "import sys\nwhile True: sys.stderr.write('x' * 10**6)",
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)",
    ],
)
def test_code_without_end_is_ended(code: str) -> None:
    assert run(code, limit_s=0.5) == "took longer than 0.5 s"


def test_too_much_memory_is_an_error_of_the_code() -> None:
    assert run("x = bytearray(10**10)") == "MemoryError"


def test_the_environment_of_the_server_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", "hunter2")
    known = {"HOME", "TMPDIR", "PYTHONUTF8", "LC_CTYPE"}  # the last is Python's own doing
    assert run("import os", f"assert set(os.environ) <= {known}, set(os.environ)") is None


def test_installed_packages_are_there_where_they_are_asked_for() -> None:
    assert run("import msgspec") == "ModuleNotFoundError: No module named 'msgspec'"
    assert run("import msgspec", packages=True) is None


@pytest.fixture(params=["isolated", "not isolated"])
def isolation(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """With the namespaces that this system allows, and as on one that allows none."""
    if request.param == "not isolated":
        text = Path(sandbox.__file__).read_text("utf-8")
        assert '"unshare"' in text
        plain = tmp_path / "sandbox.py"
        plain.write_text(text.replace('"unshare"', '"no_such_call"'), "utf-8")
        monkeypatch.setattr(module, "_SANDBOX", str(plain))
    return str(request.param)


def left(mark: str) -> list[int]:
    """Processes that have a word in their command line."""
    return [p.pid for p in psutil.process_iter(["cmdline"]) if mark in (p.info["cmdline"] or [])]


def came_to(mark: str, *, there: bool) -> bool:
    """Wait until there is such a process, or none."""
    given_up = time.monotonic() + 60
    while bool(left(mark)) is not there and time.monotonic() < given_up:
        time.sleep(0.05)
    return bool(left(mark)) is there


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="platform without /proc")
@pytest.mark.parametrize(
    "start",
    [
        "subprocess.Popen(['sleep', {mark!r}])",
        "subprocess.Popen(['sleep', {mark!r}], start_new_session=True)",
        "os.fork() or os.setsid() or os.fork() or os.execvp('sleep', ['sleep', {mark!r}])",
    ],
)
@pytest.mark.parametrize("end", ["", "\nwhile True: pass"])
def test_nothing_that_it_started_outlives_it(isolation: str, start: str, end: str) -> None:
    mark = f"{3_000 + os.getpid()}.{abs(hash((isolation, start, end))) % 10**6:06d}"
    run(f"import os, subprocess\n{start.format(mark=mark)}{end}", limit_s=1.0)
    assert came_to(mark, there=False)


@pytest.mark.parametrize("code", ["os.kill(os.getppid(), 9)", "os.kill(0, 9)"])
def test_code_that_kills_those_around_it_ends_itself_alone(isolation: str, code: str) -> None:
    assert isinstance(run(f"import os\n{code}\nwhile True: pass", limit_s=1.0), str)


def test_the_directory_is_its_own_and_goes_with_it(tmp_path: Path) -> None:
    place = run("import os", "assert False, os.getcwd() + ' ' + str(os.listdir('.'))")
    assert place is not None
    folder, _, files = place.removeprefix("AssertionError: ").partition(" ")
    assert files == "[]"
    assert not Path(folder).exists()


def score(output: str, **fields: object) -> Score:
    subject = Subject(target=Target(kind="example", id="e"), output=output, **fields)  # type: ignore[arg-type]  # by name
    [found] = judge(BUILT_IN["python_tests"], subject)
    return found


@pytest.mark.parametrize(
    "answer",
    [
        "def f(): return 1",
        "Sure:\n```python\ndef f(): return 1\n```\nIt returns 1.",
        "```\ndef g(): return 1\n```\nand\n```py\ndef f(): return g()\n```",
        "1. Do:\n   ```python\ndef f(): return 1\n   ```",
    ],
)
def test_the_code_of_an_answer_is_found(answer: str) -> None:
    assert score(answer, expected="assert f() == 1").passed is True
    assert score(answer, metadata={"tests": ["assert f() == 1", "assert f() < 1"]}).passed is False


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="platform without /proc")
def test_cancelling_ends_the_process_and_what_it_started(isolation: str) -> None:
    mark = f"{9_000 + os.getpid()}.{len(isolation)}"

    async def work() -> None:
        start = f"subprocess.Popen(['sleep', {mark!r}], start_new_session=True)"
        code = f"import subprocess, time\n{start}\ntime.sleep(100)"
        task = asyncio.create_task(module.run([code, ""], limit_s=60, memory_mib=512))
        assert await asyncio.to_thread(came_to, mark, there=True)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(work(), 60))
    assert came_to(mark, there=False)
