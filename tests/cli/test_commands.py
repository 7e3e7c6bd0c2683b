"""Every command and option against a running server; and against the files when none runs."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from tests.api.conftest import BUNDLE, publish
from tests.serving import Served, configured, served

from trimtab.cli import connect
from trimtab.cli.shell import COMMANDS, root
from trimtab.config import load
from trimtab.errors import StoreError
from trimtab.kit import datadir

ASK = "Which port does the widget server listen on?"
ROWS = [
    {"example_id": "a", "input": ASK, "expected": "It listens on port 7711."},
    {"example_id": "b", "input": "How long does green paint take?", "expected": "Four hours."},
    {"example_id": "c", "input": "Who won the cup?", "metadata": {"answerable": False}},
]
NO_TRIMTAB = dict.fromkeys(("TRIMTAB_URL", "TRIMTAB_KEY", "TRIMTAB_CONFIG"))


def run(*args: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(root, list(args), env=NO_TRIMTAB | (env or {}))


class Shop(Served):
    """A server with one of everything, and the words that stand for its ids in a command line."""

    words: dict[str, str]

    def run(self, *args: str) -> Result:  # type: ignore[override]  # commands, not coroutines
        return run(*(self.filled(arg) for arg in args), "--url", self.url)

    def filled(self, text: str) -> str:
        """Ids in place of the words for them, and a space in place of each tilde."""
        return re.sub(r"<(\w+)>", lambda found: self.words[found[1]], text).replace("~", " ")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with served(configured(folder / "data")) as server:
        server.__class__ = Shop
        assert isinstance(server, Shop)
        publish(server)
        server.client.post("/api/v1/releases", BUNDLE | {"parameters": {"abstain_below": 0.5}})
        server.client.post("/api/v1/datasets", {"name": "golden", "examples": ROWS})
        trace_id = server.client.chat("widgets", ASK, user="u-42")["trace_id"]
        server.client.chat("trimtab/extract", "a direct call")
        server.client.score(trace_id, "thumb", passed=False, reason="no \x1b[31mcolour")
        runs = [_finished(server, f"widgets@{n}") for n in (1, 2)]
        rows = folder / "rows.jsonl"
        rows.write_text("\n".join(json.dumps(row) for row in ROWS))
        table = folder / "table.txt"
        table.write_bytes("q;lang\nQual é a cor?;pt\nWhich colour?;en\n".encode("latin-1"))
        schema = folder / "schema.json"
        schema.write_text('{"properties": {"metadata": {"required": ["lang"]}}}')
        runs_file = folder / "runs.jsonl"
        run_id = "0193de5b-98a0-7d4c-8f1e-0123456789ab"
        exported = {"id": run_id, "trace_id": run_id, "name": "old", "run_type": "chain"}
        exported |= {"start_time": "2026-01-01T00:00:00", "end_time": "2026-01-01T00:00:01"}
        runs_file.write_text(f'{json.dumps(exported)}\n{{"name": "without an id"}}\n')
        server.client.post("/api/v1/keys", {"name": "app", "user": "ann", "team": "support"})
        for kind, name, usd in (("team", "support", 200), ("project", "default", 50)):
            allowance = {"kind": kind, "name": name, "monthly_usd": usd}
            server.client.put("/api/v1/allowances", allowance)
        route = folder / "route.yaml"
        route.write_text("name: fromfile\ntargets:\n  - {model: trimtab/extract, weight: 2}\n")
        shared = folder / "shared.yaml"
        shared.write_text("targets: [{model: trimtab/extract}]\nsplit: [{version: 7}]\n")
        policy = folder / "policy.yaml"
        policy.write_text("extends: internal\nrules:\n  - {signal: pii, action: block}\n")
        texts = folder / "texts.jsonl"
        cases = [("ann@example.org", 1), ("hello there", 0), ("four hours", None)]
        texts.write_text("\n".join(json.dumps({"text": t, "label": n}) for t, n in cases))
        bundle = folder / "bundle.json"
        bundle.write_text(json.dumps(BUNDLE | {"route": "fromfile"}))
        other = next(row["trace_id"] for row in server.client.traces("-route:widgets"))
        server.words = {"trace": trace_id, "base": runs[0], "new": runs[1], "other": other}
        server.words |= {"start": trace_id[:30], "folder": str(folder), "runs": str(runs_file)}
        server.words |= {"rows": str(rows), "bundle": str(bundle), "route": str(route)}
        server.words |= {"policy": str(policy), "texts": str(texts)}
        server.words |= {"shared": str(shared), "table": str(table), "schema": str(schema)}
        yield server


def _finished(server: Served, release: str) -> str:
    started = server.client.post("/api/v1/runs", {"release": release, "dataset": "golden"})
    *_, run = server.client.watch(started["run_id"])
    assert run["status"] == "done"
    return str(run["run_id"])


RATES = "--concurrency 4 --requests-per-minute 60 --tokens-per-minute 10000"
READ = (
    "--map input=q --map metadata.lang=lang --format csv --delimiter ; --encoding latin-1"
    " --max-cell-bytes 2000 --mixed --schema <schema> --tag one --tag two --note by~hand"
)
NARROW = "--segment team=a --segment metadata.plan=free"
WATCHED = "--watch error,margin=0.1 --watch slow,limit=900 --alpha 0.1 --every 60"
SELECT = "SELECT~span_id,~name~AS~question~FROM~spans"
# A command line, its exit code, and what its text says.
CALLS: list[tuple[str, int, str]] = [
    ("status", 0, r"calls in 24 h +\d+, 0 failed"),
    ("status --hours 1", 0, r"calls in 1 h"),
    ("traces list", 0, r"widgets +ok .*Which port"),
    ("traces list --limit 1", 0, r"trace +started"),
    ("traces list --sort cost", 0, r"widgets +ok"),
    ("traces list --route widgets", 0, r"widgets"),
    ("traces list kind:llm since:1h", 0, r"widgets +ok .*Which port"),
    ("traces list user:nobody", 0, r"^trace +started"),
    ("traces list cosst>1", 2, r"(?s)did you mean cost.*column 1\n    cosst>1\n    \^{5}\n"),
    ("traces show <trace>", 0, r"(?s)widgets +chain.*retrieve.*trimtab/extract.*user: Which port"),
    ("traces show <trace>", 0, r"release: widgets@1"),
    ("traces show <start>", 0, r"(?s)trace <trace>.*user: Which port"),
    ("traces show <trace> --all", 0, r"(?s)└─ .*user: Which port"),
    ("traces show <trace> --span ffff", 2, r"no span ffff"),
    ("traces show 00000000", 2, r"no trace begins with 00000000"),
    ("traces export user:u-42", 0, r'^{"trace_id":"<trace>"'),
    ("traces export -o <folder>/a.csv --what traces", 0, r"a\.csv: [\d,]+ bytes of traces"),
    ("traces export --output <folder>/b --format parquet", 0, r"b: [\d,]+ bytes of spans"),
    ("traces export shoe:1", 2, r"no field 'shoe'"),
    ("traces import <runs> --from langsmith", 0, r"1 rows recorded, 1 left out"),
    ("traces import <runs>x", 2, r"does not exist"),
    ("traces reprice", 0, r"\d+ of \d+ calls cost another sum"),
    ("traces reprice --since 2100-01-01", 0, r"0 of 0 calls"),
    ("traces erase --user u-42 --session s --dry-run", 0, r"would erase \d+ traces, \d+ spans"),
    ("traces erase --trace <other>", 2, r"(?s)erases 1 traces, 1 spans for good.*--yes"),
    ("traces erase --before 2000-01-01 --yes", 0, r"erased 0 traces, 0 spans, 0 scores; 0 left"),
    ("traces erase --yes", 2, r"nothing is named"),
    ("sessions --limit 5", 0, r"^session +traces +calls"),
    ("users", 0, r"^u-42 +1 +\d+ +0"),
    ("users user:nobody --limit 1", 0, r"^user +traces"),
    ("metrics groups --by kind --limit 3", 0, r"llm +\d+"),
    ("metrics groups --by release", 0, r"(?m)^widgets@1 +\d+"),
    ("metrics series --step 1h --by kind", 0, r"\d\d:00:00 +llm +\d+ +0"),
    ("metrics series since:7d", 0, r"^started +calls"),
    ("metrics series --step soon", 2, r"not a step"),
    ("sql SELECT~count(*)~AS~n~FROM~spans --limit 3", 0, r"^ *n\n *\d+$"),
    ("sql DROP~TABLE~spans", 2, r"SELECT"),
    ("admin compact", 0, r"[\d.]+ MiB before, [\d.]+ MiB after"),
    ("admin backup <folder>/copy", 0, r"copied into <folder>/copy"),
    ("admin backup <folder>", 2, r"not empty"),
    ("scores list", 0, r"answer_correct +code +scored +True"),
    ("scores list --name thumb --limit 5", 0, r"thumb +user +scored +False .*no \\x1b\[31mcolour"),
    ("scores list --run <base>", 0, r"example a"),
    ("datasets list", 0, r"golden@1 +3"),
    ("datasets show golden", 0, r"a +Which port.*It listens on port 7711"),
    ("datasets show golden@1 --limit 1", 0, r"1 of 3"),
    ("datasets head golden -n 2 --after 1", 0, r"(?s)^example.*b +How long.*\nc +Who won"),
    ("datasets versions golden", 0, r"golden@1 +3"),
    ("datasets import again <rows>", 0, r"again@1: 3 examples"),
    (f"datasets import tabled <table> {READ}", 0, r"tabled@1: 2 examples"),
    (f"datasets create tabled <table> {READ}", 0, r"tabled@1: 2 examples"),
    ("datasets show tabled", 0, r"tabled@1: 2 examples, tags one, two"),
    ("datasets create asked --from-traces user:u-42 --expected output", 0, r"asked@1: 1 examples"),
    (f"datasets create selected --from-sql {SELECT} --limit 2", 0, r"selected@1: 2 examples"),
    ("datasets create x", 2, r"FILE, --from-traces or --from-sql"),
    ("datasets create x --from-traces a --expected b", 2, r"output, none or score:NAME"),
    ("datasets diff golden again --limit 3", 0, r"golden@1 to again@1: 0 added, .*3 as before"),
    ("datasets diff golden tabled", 0, r"(?s)2 added, 3 removed.*\n\+ +.*input +- +Qual"),
    ("datasets diff golden", 2, r"no version before golden@1"),
    ("datasets check golden --against again --near 0.9 --limit 1", 0, r"again@1 knows 100.0%"),
    ("datasets split again --ratio a=.5,b=.5 --seed 1", 0, r"again@2: 3 examples, \d in [ab]"),
    ("datasets split again --ratio a=.5", 2, r"add up to 1"),
    ("datasets dedupe again --near 0.9", 0, r"again@2: 3 examples, 0 left out"),
    ("datasets export golden", 0, r'^{"example_id":"a"'),
    ("datasets export golden -o <folder>/golden.csv", 0, r"golden\.csv: [\d,]+ bytes of rows"),
    ("datasets export golden --output <folder>/g --format jsonl", 0, r"g: [\d,]+ bytes of rows"),
    ("datasets remove tabled", 2, r"(?s)all versions of tabled, .* for good.*--yes"),
    ("datasets remove tabled --yes", 0, r"removed 1 versions of tabled"),
    ("datasets curate failed --score thumb", 0, r"failed@1: 1 examples"),
    ("datasets lineage failed --limit 5", 0, r"^[0-9a-f]{32} +[0-9a-f]{32} +[0-9a-f]{16}$"),
    ("datasets curate slow --score latency --below 1e9", 0, r"slow@1: \d examples"),
    ("releases list", 0, r"widgets@2 +candidate +trimtab/extract +widgets@1"),
    ("releases list --route nowhere", 0, r"^release +state"),
    ("releases show widgets@1", 0, r"(?s)is live.*promote by local.*set up by a test"),
    ("releases create <bundle>", 0, r"fromfile@1 is a candidate"),
    ("releases promote fromfile@1 --reason first", 0, r"fromfile@1 is live"),
    ("releases canary widgets@2 --share 5%", 0, r"widgets@2 is a canary 5%"),
    ("releases list --route widgets", 0, r"widgets@2 +canary 5% +trimtab/extract"),
    ("routes show widgets", 0, r"by widgets@1\n  5% by widgets@2 \(canary\)\n  trimtab/extract"),
    (
        f"releases canary widgets@2 --share 9% {NARROW} {WATCHED}",
        0,
        r"(?s)canary 9%\n  team=a metadata.plan=free\n  watched for error \(margin 0.1\), slow",
    ),
    ("releases status widgets", 0, r"canary +widgets@2  9%  team=a metadata.plan=free  watched"),
    ("routes show widgets", 0, r"  9% of team=a metadata.plan=free by widgets@2 \(canary\)"),
    ("releases canary widgets@2 --share 9% --segment everybody --watch nothing", 0, r"9%$"),
    ("releases canary widgets@2 --share 9% --segment town=a", 2, r"it knows user, team, key"),
    (
        "releases canary widgets@2 --share 9% --watch eror",
        2,
        r"no figure 'eror'; did you mean error\? It knows error, blocked, slow,limit=MS, cost",
    ),
    ("releases canary widgets@2 --share 9% --watch error --every 0.1", 2, r"--every.*1<=x"),
    ("probes put p --ask m --dataset d --every 1s", 2, r"--every.*1m at the least"),
    ("releases canary widgets@2 --share 9% --segment ann", 2, r"is not WHO=NAME"),
    ("releases canary widgets@2 --share 9% --watch slow,limit=x", 2, r"'limit=x' is none of"),
    ("releases canary widgets@2 --share 9% --watch slow", 2, r"a `limit` for slow"),
    ("releases canary widgets@2 --share 9% --alpha 0.1", 2, r"go with --watch"),
    ("releases canary widgets@2 --share 9% --window 600", 2, r"go with --watch"),
    (
        (
            "releases experiment widgets --base widgets@1 --new 2 --figures error,score=helpful"
            " --since 1h --low 0 --high 1 --better higher --alpha 0.1"
        ),
        0,
        r"widgets@2 beside widgets@1 since",
    ),
    ("releases experiment widgets --base 1 --new 1", 2, r"cannot be compared with itself"),
    ("releases experiment nowhere", 2, r"fewer than two releases"),
    ("releases canary widgets@2 --share 90% --segment user=ann", 0, r"user=ann"),
    ("releases canary widgets@2 --share 9% --segment everybody", 0, r"9%$"),
    ("releases canary widgets@2 --share 0.5 --reason more", 0, r"widgets@2 is a canary 50%"),
    (
        "releases show widgets@2",
        0,
        r"(?s)^widgets@2 is canary 50%.*canary by local  5% of .*  50% of the requests  more",
    ),
    ("releases canary widgets@2 --stop --reason enough", 0, r"widgets@2 is a candidate"),
    ("releases canary widgets@2 --stop", 2, r"is candidate, not canary"),
    ("releases canary widgets@2", 2, r"--share SHARE, or --stop"),
    ("releases canary widgets@2 --stop --share 5%", 2, r"--share SHARE, or --stop"),
    ("releases canary widgets@2 --share 5", 2, r"write 5%"),
    ("releases canary widgets@2 --share some", 2, r"'some' is no share"),
    ("releases canary widgets@2 --share 60%", 2, r"0\.5"),
    ("releases promote widgets@2", 2, r"no evidence"),
    ("releases promote widgets@2 --run <new>", 2, r"not compared"),
    ("releases promote widgets@2 --force", 2, r"needs a reason"),
    ("releases diff widgets@1 widgets@2", 0, r"widgets@1 to widgets@2: \d+ changed"),
    ("releases diff widgets@1 widgets@1", 0, r"the same content"),
    ("releases status widgets", 0, r"next +trimtab eval --release widgets@2 "),
    ("releases status nowhere", 2, r"no release of a route 'nowhere'"),
    ("releases approve widgets@2 --reason fine", 2, r"made by local"),
    ("releases approve widgets@2 --reason fine --environment eu", 2, r"everybody is `local`"),
    (
        "releases promote widgets@2 --environment staging --force --reason look",
        0,
        r"widgets@2 answers in staging",
    ),
    ("routes show widgets", 0, r"  in staging by widgets@2"),
    ("releases status widgets", 0, r"staging +widgets@2  since .* by local"),
    ("releases list --route widgets", 0, r"widgets@2 +candidate, in staging +trimtab"),
    ("releases rollback widgets@2 --environment eu --reason wrong", 2, r"does not answer in 'eu'"),
    (
        "releases rollback widgets@2 --environment staging --reason wrong",
        0,
        r"widgets@2 answers in staging no longer; what is live does",
    ),
    ("releases withdraw widgets@2 --environment staging --reason x", 2, r"does not answer in"),
    ("releases promote widgets@2 --force --reason hotfix", 0, r"widgets@2 is live"),
    ("releases rollback widgets@2 --reason wrong", 0, r"widgets@1 is live"),
    ("releases history widgets", 0, r"(?m)widgets@2 +withdraw +local +in staging; wrong$"),
    ("audit", 0, r"(?m)^ *\d+ +\S+ +local +release.roll_back +widgets@1"),
    (
        "audit --object widgets@2 --action release --by local --limit 1",
        0,
        r"release.retire +widgets@2",
    ),
    ("audit --before 1", 0, r"^seq +time"),
    ("runs list", 0, r"widgets@2 +golden@1 +done +3/3"),
    ("runs list --limit 1", 0, r"run +started"),
    ("runs show <new>", 0, r"(?s)widgets@2 on golden@1: done.*answer_correct .*\[.*3/3"),
    ("compare <base> <new>", 3, r"(?s)answer_correct.*(verdict|gate): inconclusive"),
    ("compare <base> <new> --gate-on latency:100000", 0, r"(verdict|gate): pass"),
    ("compare <base> <new> --gate-on latency:0:improve --gate-on cost", 3, r"inconclusive"),
    ("compare <base> nobody", 2, r"no run 'nobody'"),
    (
        "eval --data <folder>/e --release widgets@1 --dataset golden",
        0,
        r"(?s)answer_correct.*Wilson",
    ),
    (
        "eval --data <folder>/e --release widgets@2 --dataset golden --baseline widgets@1",
        3,
        r"(verdict|gate): inconclusive",
    ),
    (
        "eval --data <folder>/e --release widgets@1 --dataset golden --split none",
        2,
        r"no rows of this split",
    ),
    (
        "eval --data <folder>/e --release widgets@1 --dataset golden --scorer cost --scorer exact",
        0,
        r"exact",
    ),
    (
        "eval --data <folder>/e --release widgets@1 --dataset golden --scorer latncy",
        2,
        r"latency",
    ),
    (
        "eval --data <folder>/e --release widgets@1 --dataset golden --gate-on x:y",
        2,
        r"METRIC:MARGIN",
    ),
    (
        "eval --data <folder>/e --release widgets@1 --dataset golden --max-cost lots",
        2,
        r"no amount of dollars",
    ),
    (
        "eval --data <folder>/e --release widgets@1 --dataset golden --resume --rerun-failed",
        2,
        r"exclude each other",
    ),
    ("eval --release widgets@1", 2, r"--release and --dataset go together"),
    ("eval --data <folder>/e <folder>", 2, r"there is no suite"),
    ("runs list --suite none --name none --json", 0, r"\[\]"),
    ("runs results <new>", 0, r"(?s)a .*answer_correct"),
    ("runs results <new> --failed --limit 1", 0, r"example"),
    ("keys list", 0, r"^app +\.\.\..{4} +ann +support +valid +key-"),
    ("keys issue fresh --user bob --team support", 0, r"^tt-[\w-]{43}$"),
    ("keys issue narrow --permission gateway:call --model a/*", 0, r"^tt-"),
    ("keys issue short --expires 2100-01-31", 0, r"^tt-"),
    ("keys issue late --expires 2020-01-31", 2, r"expired already"),
    ("keys issue app", 2, r"a key 'app' already"),
    ("keys rotate app", 0, r"^tt-[\w-]{43}$"),
    ("keys disable app", 0, r"app is disabled"),
    ("keys budget app", 0, r"app is refused"),
    ("keys enable app", 0, r"app is valid"),
    ("keys expire app --at 2100-01-31", 0, r"valid until 2100-01-31T00:00Z"),
    ("keys expire app --never", 0, r"app is valid"),
    ("keys expire app", 2, r"--at DAY or --never"),
    (
        "keys budget app",
        0,
        r"(?s)team support +\d{4}-\d\d +0\.00 +200\.00 +200\.00 +ok.*may spend 50",
    ),
    ("keys budget nobody", 2, r"no key 'nobody'"),
    (
        f"allowances set user ann --daily-usd 2.50 --soft 0.5 --unpriced deny --model a/* {RATES}",
        0,
        r"set the allowance of user ann",
    ),
    ("allowances set team other --monthly-usd -1", 2, r"from 0 to a billion"),
    ("allowances set team other --monthly-usd 1", 0, r"team other"),
    ("allowances list", 0, r"user +ann +2\.50 +- +60 +10000 +4 +api"),
    ("allowances delete team other", 0, r"deleted the allowance of team other"),
    ("models approve trimtab/* --suitable quoting --unsuitable law --expires 2100-01-31", 0, r"is"),
    ("models list", 0, r"trimtab/\* +2100-01-31 +local +api +quoting +law"),
    ("models withdraw trimtab/*", 0, r"is not approved any more"),
    (
        "routes put chat --target trimtab/extract=9 --fallback widgets --alias talk",
        0,
        r"chat is at revision \d",
    ),
    ("routes put --file <route>", 0, r"fromfile is at revision \d"),
    ("routes put --file <route> --revision 0", 2, r"is at revision"),
    ("routes put --file <route> --target trimtab/nothing=x", 2, r"'x' is not a weight"),
    ("routes put", 2, r"no name"),
    ("routes list", 0, r"chat +talk +weighted +trimtab/extract \(9\) +widgets +\d+ +api"),
    ("routes reset nothing", 2, r"no route 'nothing'"),
    (
        "routes show chat",
        0,
        r"(?s)^chat \(api\).*aliases +\[.talk.\].*answers now\n.*act \(9\)\n  or else .*act \(1\)",
    ),
    ("routes put bare", 0, r"bare is at revision"),
    ("routes show bare", 0, r"cannot answer: route 'bare'"),
    ("routes delete bare", 0, r"deleted bare"),
    ("routes put shared --file <shared>", 0, r"shared is at revision"),
    ("routes show shared", 0, r"answers now\n(?s:.*)warning: split\[0\]"),
    ("allowances set key app --concurrency 400", 0, r"key app"),
    ("allowances set key nobody --concurrency 4", 2, r"no key 'nobody'"),
    ("allowances delete key app", 0, r"deleted the allowance of key key-"),
    ("keys issue odd --permission gateway:fly", 2, r"gives nothing"),
    ("routes show widgets", 0, r"^widgets answers now by widgets@1\n  trimtab/extract \(1\)"),
    ("routes show chat --json", 0, r'"now":\{.*"breaker":"closed"'),
    ("routes show nowhere", 2, r"no route|not found|nowhere"),
    ("routes targets", 0, r"(?m)^trimtab/extract +closed"),
    ("routes delete fromfile --revision 99", 2, r"is at revision"),
    ("routes delete fromfile", 0, r"deleted fromfile"),
    ("guard policies", 0, r"(?m)^default +shadow +internal +\d"),
    ("guard policies internal", 0, r"(?s)^internal \(preset\), mode shadow.*\nsecrets +secrets"),
    ("guard policies mine --put <policy>", 0, r"(?s)^mine \(api\), mode shadow.*pii +pii .*block"),
    ("guard policies --delete", 2, r"name the policy"),
    ("guard policies mine --delete --put <policy>", 2, r"exclude each other"),
    ("guard promote mine", 2, r"(?s)^secrets +input.*would set mine from shadow to enforce.*--yes"),
    ("guard promote mine --mode flag --since 1h --yes", 0, r"mine is in mode flag, it was in sha"),
    ("guard promote internal --yes", 2, r"comes with Trimtab"),
    ("guard calibrate pii --since 1h --fpr 0.5", 0, r"(?s)^pii .*threshold 0\..*rules:\n +- {sig"),
    (
        "guard calibrate pii --on output --filter route:widgets --limit 9 --fpr 0.5 --json",
        0,
        r'"unscored":0',
    ),
    ("guard calibrate pii --texts <texts> --fpr 0.4", 0, r"found of the others: 100.00% .* of 1"),
    ("guard calibrate pii --texts <texts> --policy mine --write --fpr 0.4", 0, r"^pii "),
    ("guard policies mine", 0, r"pii +pii +input +block +- +0\.\d+"),
    (
        "guard calibrate toxicity --texts <texts> --policy mine --write --fpr 0.4",
        2,
        r"no rule of 'toxicity'",
    ),
    ("guard calibrate pii --texts <texts> --since 1h", 2, r"instead of recorded calls"),
    ("guard calibrate length --texts <texts>", 2, r"a unit of its own"),
    ("guard policies mine --delete", 0, r"deleted mine"),
    ("guard report", 0, r"(?m)^rule +side +mode .*\n(?s:.*)^secrets +input +shadow +\d+ "),
    ("guard report --since 1h --json", 0, r'"rules":\['),
    ("guard report --since never", 2, r"not a time"),
    ("guard events --since 1h --rule pii --filter user:nobody --limit 3", 0, r"^time +rule"),
    ("guard reviews", 0, r"^time +rule +decision"),
    ("guard reviews --which all --since 1h --limit 3 --json", 0, r"\[\]"),
    ("guard reviews <trace>", 2, r"--uphold or --dismiss"),
    ("guard reviews <trace> --uphold --rule pii --reason why", 2, r"no rule asked"),
    ("guard reviews --dismiss", 2, r"of one TRACE"),
    ("cache clear", 0, r"^forgot \d+ answers"),
    ("cache clear --route chat --json", 0, r'"cleared":\d'),
    ("spend", 0, r"^kind +name +period"),
    ("spend --period 2026-11 --kind team", 0, r"^kind +name"),
    ("spend --period never", 2, r"not a day or a month"),
    ("traces show nothing", 2, r"32 hexadecimal"),
    ("datasets show nobody", 2, r"no dataset 'nobody'"),
    ("releases show nobody", 2, r"no release 'nobody'"),
    ("runs show nobody", 2, r"no run 'nobody'"),
    ("runs list --limit 0", 2, r"limit must be"),
    ("status --hours 0", 2, r"hours must be"),
    ("datasets show golden --limit 0", 2, r"--limit"),
    ("datasets import x <bundle>x", 2, r"does not exist"),
    ("datasets curate x", 2, r"--score"),
    ("releases rollback widgets@1", 2, r"--reason"),
]
# Tested elsewhere: what serves, what looks at this machine only, where commands look, plans
# (tests/plans/test_examples.py) and prompts (test_prompts.py).
ELSEWHERE = {"serve", "demo", "config", "doctor", "version", "run", "scorers", "judge", "plans"}
ELSEWHERE |= {"prompts", "play", "probes", "ship"}
# Tested in test_traces.py, since it ends when it is interrupted, test_move.py, test_eval.py,
# test_eval_suites.py, test_guard.py, tests/api/test_comparisons.py, tests/evals/test_exchange.py
# tests/evals/test_redteam.py and tests/optimise/test_command.py.
APART = {"traces tail", "admin move", "eval", "compare", "runs import", "runs export", "redteam"}
APART |= {
    "optimize",
    "releases watch",
    "routes reset",
    *(f"guard {name}" for name in ("scan", "signals", "card", "test")),
}
SHARED = {"--help", "--json", "--url", "--key", "--data", "--config"}


@pytest.mark.parametrize(("line", "code", "says"), CALLS, ids=[call[0] for call in CALLS])
def test_a_command_does_what_it_says_with_its_exit_code(
    shop: Shop, line: str, code: int, says: str
) -> None:
    result = shop.run(*line.split())
    assert result.exit_code == code, result.output
    text = result.stdout if code in (0, 1, 3) else result.stderr
    assert re.search(shop.filled(says), text, re.MULTILINE), result.output
    assert "\x1b" not in result.output
    if code == 2:
        assert result.stdout == "", "what went wrong is no data"


def leaves(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its path."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from leaves(child, (*path, name))
    else:
        yield " ".join(path), command


def test_no_command_and_no_option_is_left_out_of_these_tests() -> None:
    for path, command in leaves(root):
        if path.split()[0] in ELSEWHERE or path in APART:
            continue
        lines = [line for line, *_ in CALLS if f"{line} ".startswith(f"{path} ")]
        assert lines, f"no test of {path}"
        options = {name for parameter in command.params for name in parameter.opts if "-" in name}
        used = {word for line in lines for word in line.split()}
        assert options - SHARED <= used, path


@pytest.mark.parametrize(
    "line",
    [
        call[0]
        for call in CALLS
        if call[1] in (0, 3)
        and not re.search(r"promote|export user|export golden$|backup|remove", call[0])
    ],
)
def test_with_json_the_output_is_one_json_value(shop: Shop, line: str) -> None:
    result = shop.run(*line.split(), "--json")
    if re.search(r"(?<!datasets )create|rollback|keys issue", line):
        assert result.exit_code == 2, "it cannot be done twice"
        assert json.loads(result.stderr)["error"]["code"] == "conflict"
        return
    assert result.exit_code in (0, 3), result.output
    found = json.loads(result.stdout)
    assert isinstance(found, list if line.split()[1:2] == ["list"] else dict | list)
    if line.startswith("datasets show golden"):
        assert len(found) == 3, "--limit is for the eye; data is whole"


def test_what_of_a_route_leads_nowhere_is_said_when_it_is_put(shop: Shop) -> None:
    assert "cannot answer: it has no targets" in shop.run("routes", "put", "hollow").stderr
    assert "no release shared@7" in shop.run("routes", "put", "shared", "--file", "<shared>").stderr
    shop.run("routes", "delete", "hollow")


def test_progress_and_data_do_not_mix(shop: Shop) -> None:
    data = ("--data", shop.words["folder"] + "/evals")
    asked = ("eval", *data, "--release", "widgets@1", "--dataset", "golden", "--json")
    result = shop.run(*asked)
    assert json.loads(result.stdout)["runs"][0]["status"] == "done"
    assert "widgets on golden: 3 rows of golden@1" in result.stderr
    quiet = run("-q", *asked, "--url", shop.url)
    assert quiet.stderr == ""


def test_every_listed_command_has_a_help_with_its_options() -> None:
    for path, command in leaves(root):
        result = run(*path.split(), "--help")
        assert result.exit_code == 0
        assert command.help
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.opts[-1] in result.stdout
                assert parameter.help, f"{path} {parameter.opts}"
    assert {path.split()[0] for path, _ in leaves(root)} == set(COMMANDS)


# -- files to import -----------------------------------------------------------------------------

BAD_LINES: dict[str, tuple[bytes, str]] = {
    "cut": (b'{"input": "x"', "line 2"),
    "a list": (b"[1]", "line 2"),
    "no input": (b'{"inptu": "x"}', "line 2 of bad.jsonl has no input"),
    "a misspelt field": (b'{"input": "x", "expcted": "y"}', "'expcted'"),
    "a wrong type": (b'{"input": "x", "tags": "y"}', "line 2"),
    "broken UTF-8": (b'{"input": "\xff"}', "line 2"),
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_a_line_that_cannot_be_read_is_named_and_nothing_is_imported(
    shop: Shop, tmp_path: Path, case: str
) -> None:
    line, said = BAD_LINES[case]
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b'{"input": "fine"}\n' + line + b'\n{"input": "fine too"}\n')
    result = shop.run("datasets", "import", "bad", str(path))
    assert result.exit_code == 2
    assert said in result.stderr
    assert "line 2" in result.stderr
    assert shop.run("datasets", "show", "bad").exit_code == 2, "nothing was stored"


def test_a_file_from_another_system_is_read_and_rows_get_stable_ids(
    shop: Shop, tmp_path: Path
) -> None:
    path = tmp_path / "other.jsonl"
    text = '{"input": "line\u2028break"}\r\n\r\n{"input": "x", "example_id": "mine"}'
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    for _ in range(2):
        assert shop.run("datasets", "import", "other", str(path)).stdout == "other@1: 2 examples\n"
    first, second = json.loads(shop.run("datasets", "show", "other", "--json").stdout)
    assert first["input"] == "line\u2028break"
    assert re.fullmatch(r"[0-9a-f]{16}", first["example_id"])
    assert second["example_id"] == "mine"


def test_an_empty_file_is_no_dataset(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    imported = shop.run("datasets", "import", "empty", str(tmp_path / "empty.jsonl"))
    assert (imported.exit_code, imported.stdout) == (2, "")
    assert "empty.jsonl has no rows" in imported.stderr


@pytest.mark.parametrize("bundle", ["{", "[]", '{"route": "x"}', '{"route": 1, "targets": []}'])
def test_a_bundle_that_is_none_is_refused(shop: Shop, tmp_path: Path, bundle: str) -> None:
    path = tmp_path / "bundle.json"
    path.write_text(bundle)
    result = shop.run("releases", "create", str(path))
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")


# -- which server --------------------------------------------------------------------------------


def test_a_server_is_found_by_its_url_in_the_environment(shop: Shop) -> None:
    found = run("status", "--json", env={"TRIMTAB_URL": shop.url})
    assert json.loads(found.stdout)["url"] == shop.url


def test_nobody_at_the_url_is_exit_code_4_and_a_bad_url_2() -> None:
    gone = run("status", "--url", "http://127.0.0.1:1")
    assert gone.exit_code == 4
    assert "trimtab serve" in gone.stderr
    assert run("status", "--url", "nonsense").exit_code == 2


def test_a_key_is_taken_from_the_option_or_the_environment(tmp_path: Path) -> None:
    text = "access: {keys: [{name: ada, key: tt-0123456789abcdef}]}"
    with served(configured(tmp_path / "data", text)) as server:
        without = run("traces", "list", "--url", server.url)
        wrong = run("traces", "list", "--url", server.url, "--key", "tt-wrong")
        option = run("traces", "list", "--url", server.url, "--key", "tt-0123456789abcdef")
        environment = {"TRIMTAB_URL": server.url, "TRIMTAB_KEY": "tt-0123456789abcdef"}
        assert run("traces", "list", env=environment).exit_code == option.exit_code == 0
    assert without.exit_code == wrong.exit_code == 2
    assert "key" in without.stderr
    assert "tt-wrong" not in wrong.stderr


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that a server has left."""
    data = tmp_path_factory.mktemp("stopped") / "data"
    with served(configured(data)) as server:
        publish(server)
        server.client.chat("widgets", ASK)
        server.client.post("/api/v1/datasets", {"name": "golden", "examples": ROWS})
    return data


def test_without_a_server_a_command_opens_the_files_and_leaves_them_free(stopped: Path) -> None:
    config = ("--config", str(stopped.with_name("data.yaml")), "--data", str(stopped))
    listed = run("traces", "list", "--json", *config)
    assert [row["name"] for row in json.loads(listed.stdout)] == ["widgets"]
    assert datadir.running_server(stopped) is None
    finished = run("eval", "--release", "none", "--dataset", "golden", "--json", *config)
    assert finished.exit_code == 2, "there is no such release"
    finished = run("eval", "--release", "widgets", "--dataset", "golden", "--json", *config)
    assert json.loads(finished.stdout)["runs"][0]["status"] == "done", finished.stderr
    again = run("runs", "list", "--json", *config)
    assert len(json.loads(again.stdout)) == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "trimtab-server"]


def test_a_command_that_talks_to_a_running_server_needs_none_of_its_secrets(tmp_path: Path) -> None:
    given = tmp_path / "given.yaml"
    given.write_text("providers: [{name: far, kind: openai, api_key: '${NOT_SET_HERE}'}]\n")
    data = tmp_path / "data"
    command = ("routes", "list", "--config", str(given), "--data", str(data))
    with served(configured(data)) as server, datadir.acquire(data, url=server.url):
        found = run(*command)
        assert found.exit_code == 0, found.stderr
    found = run(*command)
    assert (found.exit_code, "NOT_SET_HERE" in found.stderr) == (2, True), "it opens the files"


def test_the_project_of_the_configuration_is_the_one_a_command_sees(stopped: Path) -> None:
    config = ("--config", str(stopped.with_name("data.yaml")), "--data", str(stopped))
    other = run("traces", "list", "--json", *config, env={"TRIMTAB_PROJECT": "other"})
    assert json.loads(other.stdout) == []


def test_files_that_cannot_be_opened_are_an_error_and_not_a_hang(
    stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimtab.app import App

    async def broken(self: App) -> None:
        raise StoreError("metadata cannot be read", fix="restore it")

    monkeypatch.setattr(App, "start", broken)
    config = load(
        stopped.with_name("data.yaml"), env={}, overrides={"data": str(stopped)}, cwd=stopped
    ).config
    with pytest.raises(StoreError, match="metadata cannot be read"), connect._opened(config) as one:
        one.get("/healthz")
    assert datadir.running_server(stopped) is None


def test_a_directory_that_somebody_holds_and_nobody_serves_is_named(stopped: Path) -> None:
    with datadir.acquire(stopped, url="http://127.0.0.1:1"):
        result = run("traces", "list", "--data", str(stopped))
    assert result.exit_code == 4
    assert "http://127.0.0.1:1" in result.stderr


def test_a_server_that_is_not_ready_is_shown_with_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(configured(tmp_path / "data")) as server:

        def broken() -> None:
            raise StoreError("telemetry cannot be written", fix="free some space")

        monkeypatch.setattr(server.app.telemetry, "ping", broken)
        text = run("status", "--url", server.url)
        data = run("status", "--url", server.url, "--json")
    assert text.exit_code == data.exit_code == 4
    assert "(not ready)" in text.stdout
    assert "free some space" in text.stdout
    found: dict[str, Any] = json.loads(data.stdout)
    assert (found["status"], [*found["failures"]]) == ("not ready", ["telemetry"])


def test_a_wrong_configuration_is_exit_code_2_for_every_command(tmp_path: Path) -> None:
    path = tmp_path / "trimtab.yaml"
    path.write_text("prot: 9000\n")
    for line in ("traces list", "status", "serve", "config check", "datasets list"):
        result = run(*line.split(), "--config", str(path))
        assert result.exit_code == 2, line
        assert "did you mean" in result.stderr
