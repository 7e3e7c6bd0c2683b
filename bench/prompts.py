"""Prompts: from the cache of an application, from a server, rendered, checked and compared.

    python bench/prompts.py [--rounds 2000]

The server is `trimtab serve` as a process of its own, over SQLite, with 200 prompts of 20 versions;
one client asks it, one request after the other. A prompt of 100 kB has 1,000 lines with a variable
in each, which is written anew for every rendering.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

import trimtab
from trimtab.client import Client
from trimtab.errors import TrimtabError
from trimtab.kit import datadir
from trimtab.prompts.difference import differ
from trimtab.prompts.lint import lint
from trimtab.prompts.preview import preview
from trimtab.prompts.prompt_files import PromptFile, read, written
from trimtab.prompts.template import CompiledPrompt
from trimtab.prompts.write import Draft
from trimtab.records import Message, Partial, Prompt, PromptBundle, Shot, Shots

PROMPTS, VERSIONS = 200, 20
LINES = 1_000
LINE = (
    "Answer number {n} of {{{{ q }}}} in the words of whoever asks, briefly, and cite its page: \n"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2_000)
    rounds = parser.parse_args().rounds
    print("`python bench/prompts.py`\n")
    print("| what | median | p99 | processor | unit |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "data") as (client, pid):
        fill(client)
        fetching(client, rounds, pid)
        caching(client)
    rendering(max(50, rounds // 20))


def fill(client: Client) -> None:
    for number in range(PROMPTS):
        for version in range(VERSIONS if number < 20 else 1):
            message = {
                "role": "system",
                "content": f"Version {version}. Be brief about {{{{ q }}}}.",
            }
            body = {"name": f"p{number}", "messages": [message], "labels": ["production"]}
            client.post("/api/v1/prompts", body)
    message = {"role": "system", "content": '{% include "p1" %}{% include "p2" %} Help.'}
    client.post("/api/v1/prompts", {"name": "taking", "messages": [message]})


def fetching(client: Client, rounds: int, pid: int) -> None:
    def once() -> None:
        with Client(client.url) as other:
            other.get("/api/v1/prompts/p7@production", {"bundle": "true"})

    labelled = "/api/v1/prompts/p7@production"
    row("server, by label", lambda: client.get(labelled), rounds, pid=pid)
    path, bundle = "/api/v1/prompts/taking", {"bundle": "true"}
    row("server, with what it takes in", lambda: client.get(path, bundle), rounds, pid=pid)
    row("server, on a new connection each", once, rounds, pid=pid)


def caching(client: Client) -> None:
    url = client.url
    trimtab.prompt("p7", label="production", url=url)

    def many() -> None:
        for _ in range(1_000):
            trimtab.prompt("p7", label="production", url=url)

    row("cache, a hit", many, 500, unit="µs", per=1_000)


def rendering(rounds: int) -> None:
    text = "".join(LINE.format(n=n) for n in range(LINES))
    big = prompt("big", text)
    row("render 100 kB, Jinja", renders(CompiledPrompt(big)), rounds)
    mustache = CompiledPrompt(prompt("big", text, syntax="mustache"))
    row("render 100 kB, mustache", renders(mustache), rounds)
    taking = prompt(
        "taking",
        '{% include "big" %}',
        partials=(Partial(name="big", ref="big@1", digest=""),),
    )
    row("render 100 kB, taken in", renders(CompiledPrompt(taking, [big])), rounds)
    among = [Shot(variables={"question": f"Question {n}?"}, answer="x") for n in range(1_000)]
    shown = CompiledPrompt(
        prompt("shown", "Help.", shots=Shots(dataset="d@1", k=4, choose="nearest")), shots=among
    )
    shown.render({"question": "What?"})
    row("choose the nearest 4 of 1,000", lambda: shown.render({"question": "What?"}), rounds)
    few = max(10, rounds // 10)
    row("compile 100 kB", lambda: CompiledPrompt(big), few)
    bundle = PromptBundle(prompt=big)
    row("preview 100 kB", lambda: preview(bundle, {"q": "ports"}), few)
    row("lint 100 kB", lambda: lint(bundle), few)
    other = prompt("big", text.replace("number 500 ", "number five hundred "))
    row("compare 100 kB", lambda: differ(big, other), few)
    file = PromptFile(draft=Draft(name="big", messages=big.messages))
    row("write and read a file of 100 kB", lambda: read(written(file), "big.prompt.md"), few)


def renders(compiled: CompiledPrompt) -> Callable[[], object]:
    return lambda: compiled.render({"q": "ports"})


def prompt(name: str, text: str, **fields: object) -> Prompt:
    messages = (Message(role="system", content=text),)
    known: dict[str, object] = {"name": name, "version": 1, "digest": "", "created_ns": 1}
    return Prompt(**known, messages=messages, variables=("q",), **fields)  # type: ignore[arg-type]


def row(
    what: str,
    step: Callable[[], object],
    rounds: int,
    *,
    unit: str = "ms",
    per: int = 1,
    pid: int | None = None,
) -> None:
    """Measure a step; `processor` is the time of the process that does the work, which others on
    the machine do not change."""
    scale = {"ms": 1e3, "µs": 1e6}[unit] / per
    taken = []
    for _ in range(min(rounds, 20)):
        step()
    busy = psutil.Process(pid).cpu_times()
    for _ in range(rounds):
        began = time.perf_counter()
        step()
        taken.append((time.perf_counter() - began) * scale)
    used = psutil.Process(pid).cpu_times()
    cpu = (used.user + used.system - busy.user - busy.system) * scale / rounds
    median, p99 = statistics.median(taken), statistics.quantiles(taken, n=100)[98]
    print(f"| {what} | {median:.2f} | {p99:.2f} | {cpu:.2f} | {unit} |", flush=True)


@contextmanager
def served(data: Path) -> Iterator[tuple[Client, int]]:
    environment = {key: value for key, value in os.environ.items() if "TRIMTAB" not in key}
    command = [sys.executable, "-m", "trimtab", "serve", "--data", str(data), "--port", "0"]
    with (data.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=data.parent, env=environment
        )
    try:
        yield ready(process, data), process.pid
    finally:
        process.terminate()
        process.wait(30)


def ready(process: subprocess.Popen[bytes], data: Path) -> Client:
    for _ in range(600):
        assert process.poll() is None, (data.parent / "log").read_text()
        server = datadir.running_server(data)
        if server is not None:
            client = Client(server.url)
            try:
                client.get("/healthz")
            except TrimtabError:
                pass
            else:
                return client
        time.sleep(0.05)
    raise AssertionError("the server did not start")


if __name__ == "__main__":
    main()
