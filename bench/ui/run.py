"""The web UI, beside those of Phoenix and MLflow: what its pages cost who looks.

    sh dev/peers/install.sh
    python bench/ui/run.py [--parts looks,moves,tail,lighthouse,large,peers] [--rounds 5]

Every system is fed the same OTLP requests, and Chromium opens each page in a fresh context, with
nothing kept, and again with its files kept. Times are from asking for the page until its data has
been painted, and are the middle of all rounds. They depend on how busy the machine is; the CPU time
of the page's main thread does so much less, bytes and elements do not. `large` grows a store to a
million traces. Prints Markdown, a figure over its line in bold; progress on stderr.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "telemetry"))

import audits
import looks
import moves
import tail
from looks import Goal
from playwright.sync_api import Browser, sync_playwright
from sites import filled

PARTS = ("looks", "moves", "tail", "lighthouse", "large", "peers")
PEERS = ("phoenix", "mlflow")
MILLION = 1_000_000
FED = {"trimtab": 10_240, "phoenix": 1_024, "mlflow": 1_024}
# Everything outside fails at once: what a page waits for there is not what is measured.
LOOPBACK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


def main() -> None:
    wanted = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", end=""
    )
    with chromium() as browser, tempfile.TemporaryDirectory(prefix="ui-bench-") as folder:
        print(f", Chromium {browser.version}\n")
        for text in report(wanted, browser, Path(folder)):
            print(text, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--parts", type=lambda text: text.split(","), default=PARTS)
    parser.add_argument("--traces", type=int, default=10_240)
    parser.add_argument("--spans", type=int, default=50_000, help="of the large trace")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=int, default=200, help="spans/s of the live tail")
    parser.add_argument("--seconds", type=int, default=20, help="of the live tail")
    return parser.parse_args()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        arguments = ["--no-sandbox", LOOPBACK]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def report(wanted: argparse.Namespace, browser: Browser, folder: Path) -> Iterable[str]:
    parts = set(wanted.parts)
    if parts & {"looks", "moves", "tail", "lighthouse"}:
        yield from own(wanted, browser, folder / "trimtab")
    if "large" in parts:
        yield looks.HEAD
        sizes = {"traces": MILLION, "fed": FED["trimtab"], "large": 0}
        with filled("trimtab", folder / "million", **sizes) as site:
            yield from looks.table(site, browser, wanted.rounds, goals(1_000))
        yield ""
    if "peers" in parts:
        yield looks.HEAD
        for name in PEERS:
            sizes = {"traces": wanted.traces, "fed": FED[name], "large": wanted.spans}
            with filled(name, folder / name, **sizes) as site:
                yield from looks.table(site, browser, wanted.rounds, {})
        yield ""


def own(wanted: argparse.Namespace, browser: Browser, folder: Path) -> Iterable[str]:
    fed = min(wanted.traces, FED["trimtab"])
    with filled("trimtab", folder, traces=wanted.traces, fed=fed, large=wanted.spans) as site:
        if "looks" in wanted.parts:
            yield looks.HEAD
            yield from looks.table(site, browser, wanted.rounds, goals(600))
            yield ""
        if "moves" in wanted.parts:
            yield from moves.table(site, browser, wanted.rounds)
            yield ""
        if "tail" in wanted.parts:
            yield from tail.table(site, browser, rate=wanted.rate, seconds=wanted.seconds)
            yield ""
        if "lighthouse" in wanted.parts:
            yield from audits.table(site, wanted.rounds)
            yield ""


def goals(list_ms: int) -> dict[str, Goal]:
    """By the page's kind, see sites.py."""
    return {
        "traces": Goal(ms=list_ms, elements=900, script_kb=150),
        "overview": Goal(ms=list_ms, script_kb=200),
        "small": Goal(ms=150, script_kb=200),
        "large": Goal(ms=1_500, script_kb=200),
    }


if __name__ == "__main__":
    main()
