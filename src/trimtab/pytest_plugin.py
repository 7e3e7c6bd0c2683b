"""The pytest plugin: `assert_score` in a test, and rows of a dataset as tests.

All scores of a session become one run: sent to a server where one is named, written as a journal
otherwise. A session that asserts no score pays for nothing: what is needed is imported when a test
asks for it. Under xdist each worker sends its scores along with its reports, and the first process
makes the run.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import pytest

if TYPE_CHECKING:
    from decimal import Decimal

    from trimtab.evals.checks import Check, Server
    from trimtab.evals.sessions import Session
    from trimtab.records import Example, Score, ToolCall, Usage

__all__ = ["Checked", "assert_score"]

_MARK = "dataset(name, *, split=None, tags=(), sample=None, seed=0, map={}): a test for each row"
_ATTRIBUTE = "trimtab_checks"
_sessions: list[_Scores] = []  # those of nested sessions last; a test has no other way to its own


class Checked:
    """What `assert_score` found. Inside an event loop, await it where the scorer has to wait."""

    def __init__(self, check: Check | None = None, pending: Any = None) -> None:
        self._check = check
        self._pending = pending

    @property
    def scores(self) -> tuple[Score, ...]:
        """The scores. Raises AssertionError while they are not awaited."""
        if self._check is None:
            raise AssertionError("assert_score was not awaited: this scorer has to wait")
        return self._check.result.scores

    @property
    def is_pending(self) -> bool:
        return self._check is None

    def __await__(self) -> Generator[Any, None, Checked]:
        __tracebackhide__ = True
        if self._check is None:
            self._check = yield from self._pending().__await__()
        return self


class Answer(TypedDict, total=False):
    """What `assert_score` takes beside the output: what the answer rests on and what it took, and
    which answer to which case of the test it is."""

    name: str
    repeat: int
    context: Sequence[str]
    metadata: Mapping[str, Any]
    tool_calls: Sequence[ToolCall]
    model: str
    usage: Usage
    latency_ms: float
    cost_usd: Decimal


def assert_score(
    scorer: Any,
    *,
    output: Any,
    input: Any = None,
    expected: Any = None,
    example: Example | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    judge: Any = None,
    **answer: Unpack[Answer],
) -> Checked:
    """Judge an answer, and fail the test where it is not good enough or cannot be judged.

    In a plain test it is done when it returns. Inside a running event loop a scorer that only
    computes is too; for one that waits, as judges do, write `await assert_score(...)`. A test that
    forgets to await fails.

    Scorers of one answer judge one case; every other answer in a test is a case of its own, named
    by the test and the order of the calls, or by `name`.

    Args:
        scorer: a scorer, its name, `{name: parameters}`, or a plain function.
        example: the row, whose input, expected, context and metadata count where none is given.
        at_least, at_most: how much is enough; needed where the scorer gives a number.
        judge: the model that judges, by its name at the server, or a `ports.Judge`.
        name: of the case, where a test has several.
        repeat: which answer to the case this is, from 0, where it is asked several times.
        answer: `context`, `metadata`, `tool_calls`, `model`, `usage`, `latency_ms`, `cost_usd`.
    Raises:
        AssertionError: it did not pass, or could not be scored.
        ScorerError: there is no such scorer, or a number and no limit.

    >>> assert_score("exact", output="7711", expected="7711").scores[0].passed
    True
    """
    __tracebackhide__ = True
    from trimtab.evals.checks import complaints, judged, judged_at_once, row_of
    from trimtab.ports import Response

    own = _sessions[-1] if _sessions else None
    test = _test() or "assert_score"
    given: dict[str, Any] = {**answer, "input": input, "expected": expected}
    place = _place(given.pop("name", None), given.pop("repeat", 0))
    row, rest = row_of(test, given, example)
    response = Response(output=output, **rest)

    def settle(check: Check) -> Check:
        __tracebackhide__ = True
        if own is not None:
            own.add(test, check, *place)
        wrong = complaints(check.result.scores, at_least=at_least, at_most=at_most)
        if wrong:
            raise AssertionError("\n".join([*wrong, *_sides(output, row.expected)]))
        return check

    async def judge_it() -> Check:
        __tracebackhide__ = True
        server = own.server if own is not None else None
        return await judged(scorer, row, response, judge=judge, server=server)

    async def later() -> Check:
        __tracebackhide__ = True
        if own is not None:
            own.pending.pop(id(checked), None)
        return settle(await judge_it())

    if not _in_loop():
        return Checked(settle(asyncio.run(judge_it())))
    found = judged_at_once(scorer, row, response, judge=judge)
    if found is not None:
        return Checked(settle(found))
    checked = Checked(pending=later)
    if own is not None:
        own.pending[id(checked)] = checked
    return checked


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _test() -> str:
    """The test that runs now, as pytest tells it to everybody: `path::name (call)`."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]


def _place(name: str | None, repeat: int) -> tuple[str | None, int]:
    if repeat < 0:
        raise ValueError(f"repeat is {repeat}: answers to a case are numbered from 0")
    return name, repeat


def _sides(output: Any, expected: Any) -> list[str]:
    """What was answered, below what was expected, where that is known."""
    said = [f"answer:   {_shown(output)}"]
    return said if expected is None else [f"expected: {_shown(expected)}", *said]


def _shown(output: Any) -> str:
    text = output if isinstance(output, str) else repr(output)
    return text if len(text) <= 500 else f"{text[:500]}... ({len(text)} characters)"


# -- the session -----------------------------------------------------------------------------------


class _Scores:
    """The scores of this process, and of all processes in the first one."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._own: dict[str, list[bytes]] = {}
        self._all: dict[str, list[bytes]] = {}
        self._started_ns = time.time_ns()
        self.pending: dict[int, Checked] = {}
        self._rows: dict[Any, list[Example]] = {}
        self._said: list[str] = []

    @property
    def server(self) -> Server | None:
        url = self._config.getoption("trimtab_url") or os.environ.get("TRIMTAB_URL")
        if not url:
            return None
        from trimtab.evals.checks import Server

        return Server(url, os.environ.get("TRIMTAB_KEY"))

    def add(self, test: str, check: Check, name: str | None, repeat: int) -> None:
        import msgspec

        check = msgspec.structs.replace(check, name=name, repeat=repeat)
        self._own.setdefault(test, []).append(msgspec.json.encode(check))

    # Hooks, as pytest calls them.

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, Any, Any]:
        self.pending.clear()
        found = yield
        if self.pending:
            self.pending.clear()
            pytest.fail("assert_score was not awaited: this scorer has to wait", pytrace=False)
        return found

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, Any]:
        report = yield
        checks = self._own.pop(item.nodeid, None)
        if checks:
            setattr(report, _ATTRIBUTE, [check.decode() for check in checks])
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        checks = getattr(report, _ATTRIBUTE, None)
        if checks and not hasattr(self._config, "workerinput"):
            # A test that is run again, by another plugin, counts as it went the last time.
            kept = self._all.get(report.nodeid, []) if report.when == "teardown" else []
            self._all[report.nodeid] = kept + [check.encode() for check in checks]

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if self._all and not hasattr(self._config, "workerinput"):
            self._said = self._end(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)
        _sessions.remove(self)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._said:
            terminalreporter.section("trimtab")
            for line in self._said:
                terminalreporter.line(line)

    # What comes of it.

    def _end(self, *, interrupted: bool) -> list[str]:
        import msgspec

        from trimtab.errors import TrimtabError
        from trimtab.evals.checks import Check
        from trimtab.evals.sessions import session_of

        checks = [
            msgspec.json.decode(text, type=Check) for own in self._all.values() for text in own
        ]
        session = session_of(
            checks,
            name=self._config.getoption("trimtab_name"),
            started_ns=self._started_ns,
            status="interrupted" if interrupted else "done",
        )
        scores = sum(len(result.scores) for result in session.results)
        said = [f"{scores} scores of {len(self._all)} tests are run {session.run.run_id}"]
        try:
            said.append(self._store(session))
            folder = self._config.invocation_params.dir
            reports = self._config.getoption("trimtab_report")
            said += [self._report(session, folder / report) for report in reports]
        except (TrimtabError, OSError) as error:
            said.append(f"cannot be kept: {error}")
        return said

    def _store(self, session: Session) -> str:
        from trimtab.client import Client
        from trimtab.evals.sessions import kept, sent

        server, why = self.server, ""
        if server is not None:
            with Client(server.url, key=server.key) as client:
                fault = sent(session, client)
            if fault is None:
                return f"sent to {server.url}"
            why = f"{server.url} does not have it: {fault}; "
        folder = self._config.rootpath / ".trimtab" / "evals" / "runs"
        return f"{why}written to {kept(session, folder)}"

    def _report(self, session: Session, path: Path) -> str:
        from trimtab.experiments import reports
        from trimtab.experiments.reports.view import View

        view = View(run=session.run, results=session.results, examples=session.examples)
        kinds = {".md": reports.markdown, ".html": reports.html, ".xml": reports.junit}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(kinds[path.suffix]([view]), encoding="utf-8")
        return f"report in {path}"

    def rows(self, marker: pytest.Mark, folder: Path) -> list[Example]:
        """The rows that a marker names, read once a session."""
        key = (repr(marker), folder)
        if key not in self._rows:
            self._rows[key] = _rows(marker, folder, self.server)
        return self._rows[key]


def _rows(marker: pytest.Mark, folder: Path, server: Server | None) -> list[Example]:
    from trimtab.client import Client
    from trimtab.errors import TrimtabError
    from trimtab.evals.rows import rows_of
    from trimtab.experiments.suite import DataRef

    client = Client(server.url, key=server.key) if server is not None else None
    try:
        (name,) = marker.args
        kind = "file" if Path(name).suffix in (".jsonl", ".json", ".csv", ".parquet") else "dataset"
        data = DataRef(**{kind: str(name), **marker.kwargs})
        return list(rows_of(data, folder, client).examples)
    except (TrimtabError, TypeError, ValueError) as error:
        raise pytest.UsageError(f"dataset{marker.args}: {error}") from None
    finally:
        if client is not None:
            client.close()


# -- hooks -----------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("trimtab", "scores of answers (trimtab)")
    group.addoption(
        "--trimtab-url",
        metavar="URL",
        help="Server that has datasets and judges, and gets the run.  [default: $TRIMTAB_URL]",
    )
    group.addoption(
        "--trimtab-report",
        metavar="FILE",
        action="append",
        default=[],
        help="Write a report: NAME.md, NAME.html, NAME.xml; repeatable.",
    )
    group.addoption(
        "--trimtab-name", metavar="NAME", default="pytest", help="Name of the run.  [%(default)s]"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARK)
    for report in config.getoption("trimtab_report"):
        if Path(report).suffix not in (".md", ".html", ".xml"):
            raise pytest.UsageError(f"--trimtab-report {report}: call it NAME.md, .html or .xml")
    scores = _Scores(config)
    _sessions.append(scores)
    config.pluginmanager.register(scores, "trimtab-scores")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    markers = list(metafunc.definition.iter_markers("dataset"))
    if not markers:
        return
    scores: Any = metafunc.config.pluginmanager.get_plugin("trimtab-scores")
    try:
        if len(markers) > 1 or "example" not in metafunc.fixturenames:
            raise pytest.UsageError(
                "a test over a dataset has one such marker, and takes `example`"
            )
        rows: list[Example] = scores.rows(markers[0], metafunc.definition.path.parent)
    except pytest.UsageError as error:
        # As a failure of the collection it is one line; as it is, pytest shows where it came from.
        pytest.fail(f"{metafunc.definition.nodeid}: {error}", pytrace=False)
    metafunc.parametrize("example", rows, ids=[row.example_id for row in rows])
