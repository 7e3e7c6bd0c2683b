"""Memory of the gateway over a long run of everything at once: what goes well and what does not.

    python bench/gateway/endurance.py --requests 1000000
    python bench/gateway/endurance.py --requests 200000 --traced

Answers, streams, big bodies, callers that leave, bodies that are no JSON, unknown models, providers
that fail, and providers that close in the middle of an answer go on side by side until all requests
were sent. The memory of the server (PSS, and the part of it that is no file) is sampled; its slope
is that of the line of least squares over the samples after the first fifth. With `--traced` the
server runs under tracemalloc, and what grew between a third of the run and its end is listed.
"""

from __future__ import annotations

import argparse
import bisect
import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import rig
from parts import LARGE, slope
from processes import read
from server import Server
from systems import Launch, Place, Trimtab
from traced import FILES, grown

MIB = 1 << 20
PIECE_S = 5.0
OUTCOMES = ("requests", "cancelled", "errors")


class Kind(NamedTuple):
    """One sort of requests: its share of the connections, and how many of it are given up."""

    name: str
    connections: int
    request: bytes
    cancel: int = 0


KINDS = [
    Kind("answers", 16, rig.body("mock/mock-model"), cancel=5),
    Kind("streams", 48, rig.body("mock/mock-model", stream=True), cancel=20),
    Kind("big bodies", 1, rig.body("mock/mock-model", size=LARGE), cancel=10),
    Kind("unknown models", 1, rig.body("nobody/knows-it")),
    Kind("no JSON", 1, b'{"model": "mock/mock-model", "messages": ['),
    Kind("providers that fail", 8, rig.body("mock/failing-model")),
    Kind("providers that break off", 8, rig.body("mock/breaking-model", stream=True)),
]


class Traced(Trimtab):
    """Under tracemalloc, which writes down what is allocated when it is sent SIGUSR1."""

    def launch(self, place: Place) -> Launch:
        command, environment = super().launch(place)
        python = Path(command[0]).resolve().with_name("python")
        traced = Path(__file__).with_name("traced.py")
        return Launch([str(python), str(traced), *command[1:]], environment)


class Sample(NamedTuple):
    at_s: float
    pss: int
    anonymous: int


class Sent:
    """How many requests were sent until when, and what came of them; each kind by its own thread.

    `points` has, of each kind, pairs of a time and of the requests sent until then.
    """

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.began_s = time.perf_counter()
        self.points = {kind.name: [(self.began_s, 0)] for kind in KINDS}
        self.found = {kind.name: dict.fromkeys(OUTCOMES, 0) for kind in KINDS}

    @property
    def total(self) -> int:
        return sum(points[-1][1] for points in self.points.values())

    @property
    def seconds(self) -> float:
        return max(points[-1][0] for points in self.points.values()) - self.began_s

    def add(self, kind: str, seen: dict[str, int]) -> None:
        found, points = self.found[kind], self.points[kind]
        for outcome in OUTCOMES:
            found[outcome] += seen[outcome]
        points.append((time.perf_counter(), sum(found.values())))

    def by(self, at_s: float) -> float:
        """Requests sent until then; between two points of a kind, by the straight line."""
        return sum(interpolated(points, at_s) for points in self.points.values())


def interpolated(points: Sequence[tuple[float, int]], at_s: float) -> float:
    after = bisect.bisect_left(points, (at_s, 0))
    if after in (0, len(points)):
        return points[min(after, len(points) - 1)][1]
    (start_s, before), (end_s, then) = points[after - 1], points[after]
    return before + (then - before) * (at_s - start_s) / (end_s - start_s)


def main() -> None:
    wanted = arguments()
    with tempfile.TemporaryDirectory(prefix="gateway-endurance-", dir=wanted.scratch) as scratch:
        directory, cores = Path(scratch), rig.cores()
        rig.build(directory)
        mock = rig.Mock(directory, cores.load)
        mock.set(latency_ms=2, chunks=6, interval_ms=2)
        system = Traced() if wanted.traced else Trimtab()
        try:
            server = Server(system, directory / "server", mock, cores)
            try:
                run(server, directory, wanted)
            finally:
                server.stop()
        finally:
            mock.stop()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--limit-s", type=float, default=3600.0)
    parser.add_argument("--every-s", type=float, default=2.0, help="between two samples")
    parser.add_argument("--traced", action="store_true", help="list what grows, line by line")
    parser.add_argument("--scratch", help="directory for the server's data, a few GiB")
    parser.add_argument("--json", type=Path, help="write the samples here")
    return parser.parse_args()


def run(server: Server, directory: Path, wanted: argparse.Namespace) -> None:
    sent, samples = Sent(wanted.requests), [sample(server)]
    end_s = time.perf_counter() + wanted.limit_s
    threads = [
        threading.Thread(target=load, args=(kind, server, directory, sent, end_s)) for kind in KINDS
    ]
    for thread in threads:
        thread.start()
    snapshots: list[Path] = []
    while any(thread.is_alive() for thread in threads):
        time.sleep(wanted.every_s)
        samples.append(sample(server))
        if wanted.traced and not snapshots and sent.total > wanted.requests / 3:
            snapshots.append(snapshot(server))
    for thread in threads:
        thread.join()
    if wanted.json:
        points = [[sent.by(one.at_s), one.pss, one.anonymous] for one in samples]
        wanted.json.write_text(json.dumps({"samples": points, "sent": sent.found}))
    report(sent, samples)
    server.settle(0.02, limit_s=120)
    print(f"settled: {sample(server).pss / MIB:.1f} MiB PSS", flush=True)
    if snapshots:
        print("\n".join(grown(snapshots[0], snapshot(server))))


def load(kind: Kind, server: Server, directory: Path, sent: Sent, end_s: float) -> None:
    """Send one kind of requests until all requests were sent."""
    own = directory / kind.name.replace(" ", "-")
    own.mkdir()
    (own / "load").hardlink_to(directory / "load")
    sender = rig.Load(own, rig.cores().load)
    while sent.total < sent.wanted and time.perf_counter() < end_s:
        options = {"connections": kind.connections, "cancel": kind.cancel, "seconds": PIECE_S}
        sent.add(kind.name, sender.send(server.target, kind.request, **options))


def sample(server: Server) -> Sample:
    """Memory of all processes of the server, in bytes."""
    pss = anonymous = 0
    for pid in server.tree.pids():
        for line in read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
            if line.startswith(b"Pss:"):
                pss += int(line.split()[1]) * 1024
            elif line.startswith(b"Pss_Anon:"):
                anonymous += int(line.split()[1]) * 1024
    return Sample(time.perf_counter(), pss, anonymous)


def snapshot(server: Server) -> Path:
    """What a traced server has allocated by now."""
    assert server.process is not None
    directory = server.log.parent
    known = set(directory.glob(FILES))
    server.process.send_signal(signal.SIGUSR1)
    while not (new := set(directory.glob(FILES)) - known):
        time.sleep(0.2)
    return new.pop()


def report(sent: Sent, samples: Sequence[Sample]) -> None:
    print(f"{sent.total:,} requests in {sent.seconds:.0f} s\n")
    print("| requests | answered | given up by the caller | errors |\n|---|---|---|---|")
    for name, found in sorted(sent.found.items()):
        cells = (f"{found[outcome]:,}" for outcome in OUTCOMES)
        print(f"| {name} | {' | '.join(cells)} |")
    print("\n| part of the run | PSS MiB, mean | of it anonymous | slope B/request |")
    print("|---|---|---|---|")
    for share in range(5):
        print(row(f"fifth {share + 1}", between(sent, samples, share / 5, (share + 1) / 5), sent))
    print(row("after the first fifth", between(sent, samples, 0.2, 1), sent))
    print(row("second half", between(sent, samples, 0.5, 1), sent), flush=True)


def between(sent: Sent, samples: Sequence[Sample], low: float, high: float) -> list[Sample]:
    return [one for one in samples if low * sent.total <= sent.by(one.at_s) <= high * sent.total]


def row(name: str, samples: Sequence[Sample], sent: Sent) -> str:
    if not samples:
        return f"| {name} | – | – | – |"
    pss = sum(one.pss for one in samples) / len(samples) / MIB
    anonymous = sum(one.anonymous for one in samples) / len(samples) / MIB
    rise = slope([(sent.by(one.at_s), one.pss) for one in samples])
    return f"| {name} | {pss:.1f} | {anonymous:.1f} | {rise:+.1f} |"


if __name__ == "__main__":
    main()
