"""However a process ends or divides, its spans arrive; now, or when the server is back."""

from __future__ import annotations

import os
import signal
import time

import pytest
from tests.sdk.collector import Collector, collecting
from tests.sdk.programs import Programs
from tests.waiting import until

SPANS = """
def spans(name, count):
    for n in range(count):
        with trimtab.span(f"{name}"):
            pass
"""


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("pass", 0),
        ("sys.exit(3)", 3),
        ("raise RuntimeError('boom')", 1),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("os.kill(os.getpid(), signal.SIGTERM); signal.pause()", -signal.SIGTERM),
        ("os.kill(os.getpid(), signal.SIGINT); signal.pause()", -signal.SIGINT),
    ],
)
def test_whatever_ends_the_process_its_spans_arrive_and_its_exit_code_stays(
    programs: Programs, collector: Collector, ending: str, code: int
) -> None:
    done = programs.run(f'{SPANS}\nspans("work", 1200)\nwith trimtab.span("last"):\n    {ending}\n')
    assert done.returncode == code, done.stderr
    assert collector.names().count("work") == 1200
    assert collector.names().count("last") == 1
    assert max(collector.sizes) <= 512
    assert programs.waiting() == []


def test_a_signal_handler_of_the_application_is_called_and_decides(
    programs: Programs, collector: Collector
) -> None:
    prelude = """\
import os, signal, sys
def stop(number, frame):
    print("stopping", number)
    sys.stdout.flush()
    os._exit(7)
signal.signal(signal.SIGTERM, stop)
import trimtab
trimtab.instrument()
"""
    code = """
    with trimtab.span("before"):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    """
    done = programs.run(code, prelude=prelude)
    assert (done.returncode, done.stdout) == (7, f"stopping {signal.SIGTERM.value}\n")
    # It ended at once: the next process delivers what was kept.
    programs.run("with trimtab.span('next'): trimtab.flush()")
    collector.wait_for("before", "next")


def test_an_ignored_signal_stays_ignored(programs: Programs, collector: Collector) -> None:
    prelude = "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    code = """
    import trimtab
    trimtab.instrument()
    os.kill(os.getpid(), signal.SIGTERM)
    with trimtab.span("after"):
        pass
    """
    assert programs.run(code, prelude=prelude).returncode == 0
    assert collector.names() == ["after"]


def test_a_span_that_is_open_when_the_process_is_terminated_arrives_as_cancelled(
    programs: Programs, collector: Collector
) -> None:
    code = """
    with trimtab.span("open"):
        print("ready", flush=True)
        signal.pause()
    """
    with programs.running(code) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
    assert collector.one("open").attributes["error.type"] == "cancelled"


@pytest.mark.parametrize("how", ["os.fork", "fork", "forkserver", "spawn"])
def test_forked_and_spawned_workers_deliver_their_own_spans_and_only_those(
    programs: Programs, collector: Collector, how: str
) -> None:
    if how == "os.fork":
        work = """
        children = []
        for n in range(3):
            pid = os.fork()
            if pid == 0:
                spans(f"child {n}", 5)
                sys.exit(0)
            children.append(pid)
        assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]
        """
    else:
        work = f"""
        import multiprocessing
        if __name__ == "__main__":
            context = multiprocessing.get_context({how!r})
            children = [context.Process(target=spans, args=(f"child {{n}}", 5)) for n in range(3)]
            for child in children: child.start()
            for child in children: child.join()
            assert [child.exitcode for child in children] == [0, 0, 0]
        """
    code = f"{SPANS}\nif __name__ == '__main__': spans('parent', 5)\n" + _dedented(work)
    done = programs.run(code)
    assert done.returncode == 0, done.stderr
    counts = {name: collector.names().count(name) for name in set(collector.names())}
    assert counts == {"parent": 5, "child 0": 5, "child 1": 5, "child 2": 5}
    assert len(collector.ids()) == 20


def test_a_worker_forked_while_the_thread_delivers_is_not_stuck(
    programs: Programs, collector: Collector
) -> None:
    """The child inherits locks that a thread of the parent holds, and the thread does not exist."""
    code = f"""{SPANS}
spans("parent", 600)
delivery = __import__("trimtab.sdk.state").sdk.state.ACTIVE.delivery
for _ in range(20):
    spans("parent", 100)
    pid = os.fork()
    if pid == 0:
        spans("child", 1)
        assert trimtab.flush()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
"""
    done = programs.run(code)
    assert done.returncode == 0, done.stderr
    assert collector.names().count("child") == 20
    assert collector.names().count("parent") == 2600
    assert len(collector.ids()) == 2620


def test_while_the_server_is_down_spans_wait_and_the_process_is_not_held_up(
    programs: Programs,
) -> None:
    with collecting() as gone:
        port = int(gone.url.rpartition(":")[2])
    programs.url = f"http://127.0.0.1:{port}"
    started = time.monotonic()
    code = f"{SPANS}\nspans('down', 2000)\nwith trimtab.span('s'): trimtab.score('n', 1)\n"
    done = programs.run(code)
    assert (done.returncode, time.monotonic() - started < 45) == (0, True)
    assert done.stderr.count("cannot be reached") == 1
    assert programs.waiting()
    assert {path.stat().st_mode & 0o777 for path in programs.waiting()} == {0o600}
    with collecting(port) as collector:
        # Another process, and it has nothing to say itself.
        assert programs.run("assert trimtab.flush()").returncode == 0
        assert collector.names().count("down") == 2000
        assert len(collector.ids()) == 2001
        assert [score["name"] for score in collector.scores] == ["n"]
    assert programs.waiting() == []


def test_a_server_that_comes_back_gets_everything_from_the_process_that_waited(
    programs: Programs,
) -> None:
    with collecting() as gone:
        port = int(gone.url.rpartition(":")[2])
    programs.url = f"http://127.0.0.1:{port}"
    code = f"""{SPANS}
spans("early", 700)
assert not trimtab.flush()
print("ready", flush=True)
while not trimtab.flush():
    threading.Event().wait(0.05)
"""
    with programs.running(code) as process, collecting(port) as collector:
        assert process.wait(60) == 0
        assert collector.names().count("early") == 700
        assert len(collector.ids()) == 700
    assert programs.waiting() == []


@pytest.mark.parametrize("work", ["spans", "scores"])
def test_what_waited_for_a_server_that_is_back_is_delivered_at_the_end(
    programs: Programs, work: str
) -> None:
    """The pause after a failure is for the thread: at the end there is no later to wait for."""
    with collecting() as gone:
        port = int(gone.url.rpartition(":")[2])
    programs.url = f"http://127.0.0.1:{port}"
    record = "spans('early', 1)"
    if work == "scores":
        record = "trimtab.score('early', 1, trace_id='4bf92f3577b34da6a3ce929d0e0e4736')"
    code = f"""{SPANS}
{record}
for _ in range(8):  # Each failure doubles the pause.
    assert not trimtab.flush()
print("ready", flush=True)
sys.stdin.readline()
"""
    with programs.running(code, reads=True) as process, collecting(port) as collector:
        assert process.stdin is not None
        process.stdin.write("end\n")
        process.stdin.flush()
        assert process.wait(60) == 0
        found = [score["name"] for score in collector.scores] + collector.names()
        assert found == ["early"]
    assert programs.waiting() == []


def test_a_server_that_says_when_to_come_back_is_not_asked_at_the_end(
    programs: Programs, collector: Collector
) -> None:
    collector.answers.extend([(503, {"Retry-After": "60"}), (200, {})])
    programs.run(f"{SPANS}\nspans('a', 1)\nassert not trimtab.flush()\n")
    assert len(collector.answers) == 1
    assert programs.waiting()


def test_two_processes_do_not_deliver_the_same_batch(programs: Programs) -> None:
    with collecting() as gone:
        port = int(gone.url.rpartition(":")[2])
    programs.url = f"http://127.0.0.1:{port}"
    for _ in range(3):
        programs.run(f"{SPANS}\nspans('kept', 1100)\n")
    with collecting(port) as collector:
        wait = (
            "\nprint('ready', flush=True)\nwhile not trimtab.flush(): threading.Event().wait(0.02)"
        )
        with programs.running(wait) as first, programs.running(wait) as second:
            assert (first.wait(60), second.wait(60)) == (0, 0)
        assert collector.names().count("kept") == 3300
        assert len(collector.ids()) == 3300


def test_spans_for_one_credential_are_not_delivered_with_another(
    programs: Programs, collector: Collector
) -> None:
    collector.answers.extend([(503, {})] * 10)
    programs.run("with trimtab.span('red'): pass", TRIMTAB_KEY="red")
    assert programs.waiting()
    collector.answers.clear()
    programs.run("with trimtab.span('blue'): trimtab.flush()", TRIMTAB_KEY="blue")
    assert collector.names() == ["blue"]
    programs.run("trimtab.flush()", TRIMTAB_KEY="red")
    assert collector.names() == ["blue", "red"]
    assert not any("red" in path.name for path in programs.spool.rglob("*"))


def test_a_killed_process_leaves_nothing_half_written(programs: Programs) -> None:
    with collecting() as gone:
        port = int(gone.url.rpartition(":")[2])
    programs.url = f"http://127.0.0.1:{port}"
    code = f"{SPANS}\nprint('ready', flush=True)\nwhile True: spans('many', 50); trimtab.flush()\n"
    for _ in range(3):
        with programs.running(code) as process:
            until(programs.waiting)
            threading_pause(0.2)
            os.kill(process.pid, signal.SIGKILL)
    with collecting(port) as collector:
        assert programs.run("trimtab.flush()").returncode == 0
        assert len(collector.ids()) == len(collector.spans) > 0
    assert programs.waiting() == []


def test_pools_end_at_once(programs: Programs, collector: Collector) -> None:
    """A pool ends its workers by SIGTERM, which finds them starting, working, waiting or ending."""
    code = """
    import multiprocessing, time
    def work(n):
        with trimtab.span("child"):
            return n
    if __name__ == "__main__":
        context = multiprocessing.get_context("fork")
        took = []
        for _ in range(30):
            started = time.monotonic()
            with context.Pool(4) as pool:
                pool.map(work, range(20))
            took.append(time.monotonic() - started)
        assert sorted(took)[15] < 4, took
    """
    done = programs.run(code)
    assert done.returncode == 0, done.stderr
    programs.run("assert trimtab.flush()")
    assert len(collector.ids()) == 600


def test_a_worker_that_waits_for_a_lock_does_not_miss_its_signal(
    programs: Programs, collector: Collector
) -> None:
    """Sent to another thread it is noted without waking the main one, as it also happens to a
    signal that arrives while the main thread is on its way into the wait."""
    code = """
    import multiprocessing, time
    def wait(lock):
        with trimtab.span("worker"):
            other = threading.Thread(target=threading.Event().wait, daemon=True)
            other.start()
            threading.Timer(0.3, signal.pthread_kill, (other.ident, signal.SIGTERM)).start()
            lock.acquire()
    if __name__ == "__main__":
        context = multiprocessing.get_context("fork")
        lock = context.Lock()
        lock.acquire()
        worker = context.Process(target=wait, args=(lock,))
        worker.start()
        worker.join(60)
        print(worker.exitcode)
        worker.kill()
    """
    done = programs.run(code)
    assert done.stdout.strip() == str(-signal.SIGTERM), done.stderr
    collector.wait_for("worker")


def test_a_child_that_is_ended_as_it_begins_ends(programs: Programs) -> None:
    """Python forgets what signals reach a child before it is set up."""
    code = """
    import time
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    for _ in range(100):
        child = os.fork()
        if child == 0:
            for _ in range(3000):
                time.sleep(0.01)
            os._exit(9)
        os.kill(child, signal.SIGTERM)
        assert os.waitpid(child, 0)[1] == signal.SIGTERM
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == blocked
    """
    done = programs.run(code)
    assert done.returncode == 0, done.stderr


def test_a_child_of_a_worker_does_not_end_the_worker(
    programs: Programs, collector: Collector
) -> None:
    code = """
    import multiprocessing, time
    def work():
        child = os.fork()
        if child == 0:
            signal.pause()
        time.sleep(0.1)
        os.kill(child, signal.SIGTERM)
        assert os.waitpid(child, 0)[1] == signal.SIGTERM
        time.sleep(0.3)
        with trimtab.span("worker"):
            pass
    if __name__ == "__main__":
        worker = multiprocessing.get_context("fork").Process(target=work)
        worker.start()
        worker.join()
        print(worker.exitcode)
    """
    done = programs.run(code)
    assert done.stdout.strip() == "0", done.stderr
    collector.wait_for("worker")


@pytest.mark.parametrize("ending", ["pass", "trimtab.flush()"])
def test_a_signal_during_the_last_delivery_does_not_wait_for_it_twice(
    programs: Programs, collector: Collector, ending: str
) -> None:
    """The interrupted thread holds what a second delivery would need."""
    collector.gate.clear()
    code = f"""{SPANS}
spans("a", 1)
print("ready", flush=True)
{ending}
"""
    with programs.running(code) as process:
        while not collector.peers:
            threading_pause(0.02)
        process.send_signal(signal.SIGTERM)
        threading_pause(0.5)
        collector.gate.set()
        started = time.monotonic()
        assert process.wait(60) == -signal.SIGTERM
        assert time.monotonic() - started < 10
    programs.run("assert trimtab.flush()")
    assert set(collector.names()) == {"a"}


def test_spans_that_other_threads_begin_meanwhile_do_not_stop_the_last_delivery(
    programs: Programs, collector: Collector
) -> None:
    code = """
    sys.setswitchinterval(1e-6)
    kept = [trimtab.span(f"kept {n}") for n in range(2000)]
    for block in kept:
        block.__enter__()
    def begin():
        while True:
            trimtab.span("other").__enter__()
    for _ in range(3):
        threading.Thread(target=begin, daemon=True).start()
    """
    done = programs.run(code)
    assert "RuntimeError" not in done.stderr
    programs.run("assert trimtab.flush(30)")
    assert len({name for name in collector.names() if name.startswith("kept")}) == 2000


def test_a_generator_that_is_left_open_ends_quietly_with_what_it_yielded(
    programs: Programs, collector: Collector
) -> None:
    code = """
    @trimtab.trace
    def count():
        try:
            yield "one "
            yield "two "
            yield "three"
        finally:
            with trimtab.span("clean up"):
                later()

    @trimtab.trace
    def later():
        trimtab.current_span().set(metadata={"a": 1})
        trimtab.score("n", 1)

    leak = count()
    next(leak), next(leak)
    """
    done = programs.run(code)
    assert (done.returncode, done.stderr.count("Error"), "ended span" in done.stderr) == (
        0,
        0,
        False,
    )
    assert collector.one("count").attributes["output.value"] == "one two "


def threading_pause(seconds: float) -> None:
    """Let another process do what it does for a while; when it is killed does not matter."""
    import threading

    threading.Event().wait(seconds)


def _dedented(code: str) -> str:
    import textwrap

    return textwrap.dedent(code)
