"""What an application says with `trace`, `span`, `session`, `score` is what arrives."""

from __future__ import annotations

import json

import pytest
from tests.sdk.collector import Collector
from tests.sdk.programs import Programs


def ran(programs: Programs, code: str, **env: str) -> str:
    done = programs.run(code, **env)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_traced_function_is_a_span_with_its_arguments_and_result(
    programs: Programs, collector: Collector
) -> None:
    ran(
        programs,
        """
        class Shop:
            @trimtab.trace(kind="tool", name="add up")
            def add(self, a, *rest, b=2):
                return a + b
        Shop().add(1, 7, b=3)
        """,
    )
    span = collector.one("add up")
    assert json.loads(span.attributes["input.value"]) == {"a": 1, "*": [7], "b": 3}
    assert span.attributes["output.value"] == "4"
    assert span.attributes["openinference.span.kind"] == "TOOL"
    assert span.resource["service.name"] == "shop"


def test_what_is_not_to_be_captured_is_not(programs: Programs, collector: Collector) -> None:
    ran(
        programs,
        """
        @trimtab.trace(capture_input=False, capture_output=False)
        def quiet(secret): return secret
        quiet("hunter2")
        """,
    )
    assert "hunter2" not in repr(collector.one("quiet"))


def test_without_content_nothing_the_application_handles_is_recorded(
    programs: Programs, collector: Collector
) -> None:
    prelude = "import trimtab\ntrimtab.instrument(content=False)\n"
    code = """
    @trimtab.trace
    def quiet(secret):
        with trimtab.span("inner", input=secret) as s:
            s.set(output=secret)
        yield secret
    list(quiet("hunter2"))
    """
    assert programs.run(code, prelude=prelude).returncode == 0
    assert {"quiet", "inner"} == set(collector.names())
    assert "hunter2" not in repr(collector.spans)


def test_calls_in_gathers_task_groups_and_threads_are_below_their_caller(
    programs: Programs, collector: Collector
) -> None:
    ran(
        programs,
        """
        from concurrent.futures import ThreadPoolExecutor

        @trimtab.trace
        async def leaf(n):
            await asyncio.sleep(0)
            return n

        @trimtab.trace
        async def gathering():
            await asyncio.gather(*(leaf(n) for n in range(3)))

        @trimtab.trace
        async def grouping():
            async with asyncio.TaskGroup() as group:
                for n in range(3):
                    group.create_task(leaf(n))

        @trimtab.trace
        def work(n): return n

        @trimtab.trace
        def threading_():
            thread = threading.Thread(target=work, args=(1,))
            thread.start()
            thread.join()

        pool = ThreadPoolExecutor(1)
        pool.submit(int).result()

        @trimtab.trace
        def pooling():
            assert list(pool.map(work, [1, 2])) == [1, 2]

        @trimtab.trace
        async def to_thread():
            await asyncio.to_thread(work, 1)
            await asyncio.get_running_loop().run_in_executor(pool, work, 2)

        with trimtab.session("s42"):
            asyncio.run(gathering())
            asyncio.run(grouping())
            threading_()
            pooling()
            asyncio.run(to_thread())
        work("alone")
        """,
    )
    for parent, child, count in (
        ("gathering", "leaf", 3),
        ("grouping", "leaf", 3),
        ("threading_", "work", 1),
        ("pooling", "work", 2),
        ("to_thread", "work", 2),
    ):
        above = collector.one(parent)
        below = [span for span in collector.spans if span.parent_id == above.span_id]
        assert [span.name for span in below] == [child] * count
        assert {span.attributes["session.id"] for span in below} == {"s42"}
    (alone,) = [span for span in collector.spans if not span.parent_id and span.name == "work"]
    assert "session.id" not in alone.attributes


def test_concurrent_requests_do_not_see_each_others_session(
    programs: Programs, collector: Collector
) -> None:
    ran(
        programs,
        """
        async def request(n, here):
            with trimtab.session(f"s{n}"), trimtab.user(f"u{n}"), trimtab.tags("all", f"t{n}"):
                await here.wait()
                with trimtab.metadata(n=n), trimtab.span(f"span{n}"):
                    await asyncio.sleep(0)

        async def main():
            here = asyncio.Barrier(5)
            await asyncio.gather(*(request(n, here) for n in range(5)))

        asyncio.run(main())
        """,
    )
    for n in range(5):
        found = collector.one(f"span{n}").attributes
        assert (found["session.id"], found["user.id"]) == (f"s{n}", f"u{n}")
        assert found["tag.tags"] == ["all", f"t{n}"]
        assert json.loads(found["metadata"]) == {"n": n}


def test_a_generator_is_a_span_as_long_as_it_runs_and_leaks_into_nobody(
    programs: Programs, collector: Collector
) -> None:
    out = ran(
        programs,
        """
        import inspect

        @trimtab.trace
        def words():
            with trimtab.span("inside"):
                got = yield "one "
            try:
                yield got
            except KeyError as error:
                yield f"caught {error}"
            return "end"

        @trimtab.trace
        async def awords():
            for word in ("a", "b", "c"):
                with trimtab.span(f"inside {word}"):
                    yield word

        def outer():
            return (yield from words())

        it = outer()
        said = [next(it)]
        with trimtab.span("between"):
            pass
        said.append(it.send("two"))
        said.append(it.throw(KeyError("k")))
        try:
            next(it)
        except StopIteration as stop:
            said.append(stop.value)
        print(said)

        async def main():
            return [word async for word in awords()]
        print(asyncio.run(main()))
        print(inspect.isgeneratorfunction(words), inspect.isasyncgenfunction(awords))
        """,
    )
    assert out.splitlines() == [
        """['one ', 'two', "caught 'k'", 'end']""",
        "['a', 'b', 'c']",
        "True True",
    ]
    words = collector.one("words")
    assert words.attributes["output.value"] == "one twocaught 'k'"
    assert words.attributes["gen_ai.response.time_to_first_chunk"] >= 0
    assert collector.one("inside").parent_id == words.span_id
    assert collector.one("between").parent_id == ""
    awords = collector.one("awords")
    assert {collector.one(f"inside {word}").parent_id for word in "abc"} == {awords.span_id}


def test_generators_that_end_early_end_their_spans_without_an_error(
    programs: Programs, collector: Collector
) -> None:
    ran(
        programs,
        """
        import gc

        @trimtab.trace
        def count():
            try:
                yield from range(10)
            finally:
                with trimtab.span("clean up"):
                    pass

        @trimtab.trace
        async def acount():
            for n in range(10):
                with trimtab.span("step"):
                    yield n

        for n in count():
            break
        gc.collect()

        async def main():
            async for n in acount():
                break
            await asyncio.sleep(0)
            it = acount()
            await anext(it)
            await it.aclose()
            with trimtab.span("after"):
                pass

        asyncio.run(main())
        """,
    )
    count = collector.one("count")
    assert (count.status, count.attributes["output.value"]) == (0, "[0]")
    assert collector.one("clean up").parent_id == count.span_id
    assert [span.status for span in collector.spans if span.name == "acount"] == [0, 0]
    assert collector.one("after").parent_id == ""


def test_an_exception_is_recorded_and_raised_as_it_was_and_not_held(
    programs: Programs, collector: Collector
) -> None:
    out = ran(
        programs,
        """
        import gc, weakref

        class Refused(Exception):
            pass

        @trimtab.trace
        def plain(): raise Refused("no")

        @trimtab.trace
        async def coroutine(): raise Refused("no")

        @trimtab.trace
        def generator():
            yield 1
            raise Refused("no")

        @trimtab.trace
        async def agenerator():
            yield 1
            raise Refused("no")

        def block():
            with trimtab.span("block"):
                raise Refused("no")

        async def arun():
            return [n async for n in agenerator()]

        gc.disable()
        for call in (plain, lambda: coroutine().send(None), lambda: list(generator()), block):
            try:
                call()
            except Refused as error:
                seen = weakref.ref(error)
            print(seen())
        try:
            asyncio.run(arun())
        except Refused:
            pass
        """,
    )
    assert out.split() == ["None"] * 4
    for name in ("plain", "coroutine", "generator", "agenerator", "block"):
        span = collector.one(name)
        assert (span.status, span.error) == (2, "Refused: no"), name
        assert span.attributes["error.type"] == "__main__.Refused"
        assert span.events == ["exception"]


def test_values_that_cannot_be_recorded_do_not_disturb_the_application(
    programs: Programs, collector: Collector
) -> None:
    ran(
        programs,
        r"""
        class Hostile:
            def __repr__(self): raise RuntimeError("no repr")
            def model_dump(self, **_): raise RuntimeError("no dump")
            def __str__(self): raise RuntimeError("no str")

        class HostileError(Exception):
            def __str__(self): raise RuntimeError("no str")

        @trimtab.trace
        def takes(value): return value

        circle = []
        circle.append(circle)
        deep = []
        for _ in range(10_000):
            deep = [deep]
        for value in (Hostile(), circle, "\ud800", float("nan"), deep, b"\xff", {1: {2}}, 10**400):
            takes(value)
        with trimtab.span("odd", metadata={"h": Hostile()}, usage=Hostile(), thing=Hostile()) as s:
            s.set(output="\ud800" * 3, model="x")
        try:
            with trimtab.span("hostile error"):
                raise HostileError
        except HostileError:
            pass
        takes("x" * 3_000_000)
        """,
    )
    assert collector.names().count("takes") == 9
    assert collector.one("hostile error").attributes["error.type"] == "HostileError"
    longest = max(len(span.attributes.get("output.value", "")) for span in collector.spans)
    assert 1_000_000 < longest < 1_000_100


def test_a_score_judges_the_current_span_or_a_trace_named_by_its_id(
    programs: Programs, collector: Collector
) -> None:
    ran(
        programs,
        """
        with trimtab.span("answer") as s:
            trimtab.score("helpful", True, reason="said so")
            trimtab.current_span().set(metadata={"seen": 1})
            trace_id = s.trace_id
        trimtab.score("stars", 4.5, trace_id=trace_id, author="u7")
        trimtab.score("topic", "refund", trace_id=trace_id)
        """,
    )
    span = collector.one("answer")
    helpful, stars, topic = collector.scores
    assert helpful["id"] != stars["id"]
    assert (helpful["trace_id"], helpful["span_id"]) == (span.trace_id, span.span_id)
    assert (helpful["passed"], helpful["reason"]) == (True, "said so")
    assert (stars["value"], stars["author"], "span_id" in stars) == (4.5, "u7", False)
    assert topic["label"] == "refund"
    assert json.loads(span.attributes["metadata"]) == {"seen": 1}


@pytest.mark.parametrize("backend", ["ours", "another"])
@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("float('nan')", "it is nan; give a finite number"),
        ("-float('inf')", "it is -inf; give a finite number"),
        ("10**400", "too large"),
        ("None", "it is NoneType; give True or False, a number or a text"),
        ("[1]", "it is list"),
        ("numpy.array([1, 2])", "it is ndarray"),
    ],
)
def test_what_is_no_judgement_is_named_at_once_and_raises_nothing(
    programs: Programs, collector: Collector, value: str, wrong: str, backend: str
) -> None:
    code = f"""
    import numpy
    with trimtab.span("s"):
        trimtab.score("good", 1)
        trimtab.score("helpful", {value})
        print("after", file=sys.stderr)
    """
    another = {"TRIMTAB_URL": "", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    done = programs.run(code, **(another if backend == "another" else {}))
    warning, after = done.stderr.splitlines()
    assert warning.startswith("the score 'helpful' is not recorded: ")
    assert wrong in warning
    assert after == "after"
    names = [score["name"] for score in collector.scores]
    assert names == ([] if backend == "another" else ["good"])


def test_numbers_and_texts_of_every_kind_are_judgements(
    programs: Programs, collector: Collector
) -> None:
    ran(
        programs,
        """
        import decimal, fractions, numpy
        with trimtab.span("s"):
            for value in (numpy.float32(0.5), numpy.int64(2), numpy.bool_(True), numpy.array([3.0]),
                          decimal.Decimal("0.25"), fractions.Fraction(1, 4), "caf\\udce9"):
                trimtab.score("n", value, reason="\\ud800")
        """,
    )
    said = [
        next(score[field] for field in ("value", "passed", "label") if field in score)
        for score in collector.scores
    ]
    assert said == [0.5, 2, True, 3.0, 0.25, 0.25, "caf?"]


def test_a_score_that_cannot_be_sent_does_not_take_the_others_with_it(
    programs: Programs, collector: Collector
) -> None:
    done = programs.run(
        """
        with trimtab.span("s"):
            trimtab.score("before", 1)
            trimtab.score("broken", 1, author=object())
            trimtab.score("after", 1)
        """
    )
    assert [score["name"] for score in collector.scores] == ["before", "after"]
    assert "the score 'broken' is not recorded: " in done.stderr


def test_another_backend_gets_scores_as_events_and_its_own_headers(
    programs: Programs, collector: Collector
) -> None:
    code = """
    with trimtab.span("answer"):
        trimtab.score("helpful", True)
    """
    headers = {"OTEL_EXPORTER_OTLP_HEADERS": "x-team=blue%20team,authorization=Basic%20abc"}
    ran(programs, code, TRIMTAB_URL="", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **headers)
    assert collector.one("answer").events == ["gen_ai.evaluation.result"]
    assert collector.scores == []
    path, sent = collector.requests[0]
    assert path == "/v1/traces"
    assert (sent["x-team"], sent["authorization"]) == ("blue team", "Basic abc")


def test_a_tracer_provider_that_is_there_is_added_to(
    programs: Programs, collector: Collector
) -> None:
    prelude = """\
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
theirs = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(theirs))
trace.set_tracer_provider(provider)
import trimtab
trimtab.instrument(environment="test", key="tt-key")
"""
    code = """
    assert trace.get_tracer_provider() is provider
    with trace.get_tracer("app").start_as_current_span("request"), trimtab.user("u7"):
        with trimtab.span("ours"):
            pass
    print(sorted(span.name for span in theirs.get_finished_spans()))
    """
    done = programs.run(code, prelude=prelude)
    assert (done.stdout.strip(), done.stderr) == ("['ours', 'request']", "")
    assert collector.one("ours").parent_id == collector.one("request").span_id
    assert collector.one("request").attributes["deployment.environment.name"] == "test"
    assert collector.requests[0][1]["authorization"] == "Bearer tt-key"


def test_without_instrumenting_everything_works_and_nothing_is_recorded(
    programs: Programs, collector: Collector
) -> None:
    out = programs.run(
        """
        @trimtab.trace
        def f(x): return x
        @trimtab.trace
        async def af(x): return x
        @trimtab.trace
        def g(): yield 1
        @trimtab.trace
        async def ag():
            got = yield 1
            yield got
        async def main():
            it = ag()
            return [await anext(it), await it.asend(5), await af(3)]
        with trimtab.session("s"), trimtab.span("x") as s:
            s.set(input=1, usage={"input": 1})
            trimtab.score("n", 1)
        print(f(2), list(g()), asyncio.run(main()), s.trace_id, trimtab.flush())
        print("opentelemetry.sdk" in sys.modules)
        """,
        prelude="import asyncio, sys, trimtab\n",
    )
    assert out.stdout.splitlines() == ["2 [1] [1, 5, 3] None True", "False"]
    assert collector.spans == []


def test_calling_it_again_or_with_a_wrong_url_is_safe(programs: Programs) -> None:
    done = programs.run(
        """
        trimtab.instrument()
        trimtab.instrument(url="http://elsewhere")
        print(len(__import__("opentelemetry.trace").trace.get_tracer_provider()
              ._active_span_processor._span_processors))
        """
    )
    assert done.stdout.strip() == "1"
    wrong = programs.run("", prelude="import trimtab\ntrimtab.instrument(url='localhost:8321')\n")
    assert "the URL of the server is not one (at url)" in wrong.stderr
