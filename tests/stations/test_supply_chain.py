"""Packages, their known flaws, their names, and files of models, judged from real files."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import tarfile
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import ConfigError
from trimtab.governance.supply_chain import containers, inventory
from trimtab.governance.supply_chain.advisories import Nowhere, OsvApi, OsvFiles, is_affected
from trimtab.governance.supply_chain.component import Component
from trimtab.governance.supply_chain.models import model_files, scan
from trimtab.governance.supply_chain.names import imported, imports_of, near
from trimtab.governance.supply_chain.report import examine
from trimtab.governance.supply_chain.sbom import cyclonedx


def pypi(name: str, version: str | None = "1.0") -> Component:
    return Component(ecosystem="PyPI", name=name, version=version)


def npm(name: str, version: str | None = "1.0.0") -> Component:
    return Component(ecosystem="npm", name=name, version=version)


FLASK = ("PyPI", "flask", "3.0.2")
REQUIREMENTS = """# web
-r base.txt
Flask[async]==3.0.2 ; python_version > '3' \\
    --hash=sha256:ab12 --hash=sha256:cd34
numpy>=2
-e .
https://x.org/a.whl
pip==24.*
"""
UV = """version = 1
[[package]]
name = "app"
version = "1"
source = { editable = "." }
[[package]]
name = "Flask"
version = "3.0.2"
sdist = { url = "u", hash = "sha256:ab12" }
wheels = [{ url = "w", hash = "sha256:cd34" }]
"""
POETRY = """[[package]]
name = "flask"
version = "3.0.2"
files = [{file = "a", hash = "sha256:ab12"}, {file = "b", hash = "sha256:cd34"}]
"""
FILES = {
    "requirements.txt": (REQUIREMENTS, {FLASK, ("PyPI", "numpy", None), ("PyPI", "pip", None)}),
    "uv.lock": (UV, {FLASK}),
    "poetry.lock": (POETRY, {FLASK}),
    "package-lock.json": (
        json.dumps(
            {
                "lockfileVersion": 3,
                "packages": {
                    "": {"name": "app"},
                    "node_modules/@types/node": {"version": "20.1.0", "integrity": "sha512-ab=="},
                    "node_modules/a/node_modules/ms": {"version": "2.0.0"},
                    "node_modules/linked": {"link": True},
                },
            }
        ),
        {("npm", "@types/node", "20.1.0"), ("npm", "ms", "2.0.0")},
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_lock_file_is_read_whole(tmp_path: Path, name: str) -> None:
    text, expected = FILES[name]
    (tmp_path / name).write_text(text)
    found = inventory.read(tmp_path / name)
    assert {(one.ecosystem, one.name, one.version) for one in found} == expected
    assert all(one.source == str(tmp_path / name) for one in found)
    if FLASK in expected:
        assert next(o for o in found if o.name == "flask").hashes == ("sha256:ab12", "sha256:cd34")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", "not [ toml"),
        ("poetry.lock", "a = 1"),
        ("package-lock.json", "[]"),
        ("bom.json", "{}"),
        ("requirements.txt", "!!! what"),
        ("requirements.txt", "../other/path"[3:]),
    ],
)
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        inventory.read(tmp_path / name)
    assert caught.value.fix


def test_a_bill_of_materials_is_read_as_it_was_written(tmp_path: Path) -> None:
    whole = [pypi("flask", "3.0.2+local"), npm("@types/node", "20.1.0"), pypi("numpy", None)]
    (tmp_path / "bom.json").write_text(json.dumps(cyclonedx(whole)))
    found = inventory.read(tmp_path / "bom.json")
    assert [(o.ecosystem, o.name, o.version) for o in found] == [
        (o.ecosystem, o.name, o.version) for o in sorted(whole)
    ]
    assert json.dumps(cyclonedx(whole)) == json.dumps(cyclonedx(reversed(whole)))


def test_this_interpreter_has_its_own_packages() -> None:
    assert {"pytest", "numpy", "msgspec"} <= {one.name for one in inventory.installed()}


class Osv(BaseHTTPRequestHandler):
    """What osv.dev answers: one advisory for flask 3.0.2, a second on another page."""

    status = 200
    body: bytes | None = None

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))["queries"]
        assert self.path == "/v1/querybatch"
        assert self.headers["content-type"] == "application/json"
        results: list[dict[str, Any]] = []
        for query in asked:
            is_bad = query["package"] == {"name": "flask", "ecosystem": "PyPI"}
            if not is_bad or query["version"] != "3.0.2":
                results.append({})
            elif query.get("page_token"):
                results.append({"vulns": [{"id": "PYSEC-2"}]})
            else:
                results.append({"vulns": [{"id": "GHSA-1"}], "next_page_token": "more"})
        self.send_response(type(self).status)
        self.end_headers()
        self.wfile.write(type(self).body or json.dumps({"results": results}).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def osv() -> Iterator[tuple[str, type[Osv]]]:
    handler = type("Handler", (Osv,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_database_is_asked_about_each_version(osv: tuple[str, type[Osv]]) -> None:
    found = OsvApi(osv[0]).look_up([pypi("flask", "3.0.2"), pypi("numpy"), pypi("pip", None)])
    assert [known.status for known in found] == ["vulnerable", "clean", "unknown"]
    assert found[0].ids == ("GHSA-1", "PYSEC-2")


@pytest.mark.parametrize(
    ("status", "body"), [(500, None), (200, b"<html>"), (200, b'{"results": []}'), (200, b"[]")]
)
def test_what_was_not_answered_is_unknown(
    osv: tuple[str, type[Osv]], status: int, body: bytes | None
) -> None:
    osv[1].status, osv[1].body = status, body
    (known,) = OsvApi(osv[0]).look_up([pypi("flask", "3.0.2")])
    assert known.status == "unknown"
    assert known.reason
    report = examine([pypi("flask", "3.0.2")], OsvApi(osv[0]))
    assert report.outcome == "unknown"
    assert "clean" not in report.text()


def test_a_database_away_makes_nothing_clean() -> None:
    report = examine([pypi("flask")], OsvApi("http://127.0.0.1:1", timeout_s=2))
    assert (report.outcome, report.counts) == ("unknown", {"unknown": 1})
    with pytest.raises(ConfigError):
        OsvApi("file:///etc/passwd")


ADVISORY = {
    "id": "GHSA-9",
    "affected": [
        {
            "package": {"ecosystem": "npm", "name": "ms"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]}],
        },
        {"package": {"ecosystem": "PyPI", "name": "Flask"}, "versions": ["3.0.1", "3.0.2"]},
    ],
}


@pytest.mark.parametrize("as_zip", [False, True])
def test_files_of_advisories_are_a_database(tmp_path: Path, as_zip: bool) -> None:
    path = tmp_path / "osv"
    withdrawn = {**ADVISORY, "id": "GHSA-0", "withdrawn": "2024-01-01T00:00:00Z"}
    if as_zip:
        path = tmp_path / "all.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("npm/GHSA-9.json", json.dumps(ADVISORY))
            archive.writestr("broken.json", "{")
            archive.writestr("GHSA-0.json", json.dumps(withdrawn))
    else:
        (path / "npm").mkdir(parents=True)
        (path / "npm" / "GHSA-9.json").write_text(json.dumps(ADVISORY))
        (path / "GHSA-0.json").write_text(json.dumps(withdrawn))
    some = [pypi("flask", "3.0.2"), pypi("flask", "3.0.3"), npm("ms", "1.9.9"), npm("ms", "2.0.0")]
    found = OsvFiles(path).look_up([*some, npm("ms", "weird")])
    statuses = [known.status for known in found]
    assert statuses == ["vulnerable", "clean", "vulnerable", "clean", "unknown"]
    assert found[0].ids == ("GHSA-9",)


def test_files_without_advisories_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(ConfigError):
            OsvFiles(path)


@pytest.mark.parametrize(
    ("version", "events", "expected"),
    [
        ("1.5", [{"introduced": "1.0"}, {"fixed": "1.5"}], False),
        ("1.5rc1", [{"introduced": "1.0"}, {"fixed": "1.5"}], True),
        ("1.10.0", [{"introduced": "1.9"}, {"last_affected": "1.10"}], True),
        ("1.10.1", [{"introduced": "1.9"}, {"last_affected": "1.10"}], False),
        ("3.1", [{"introduced": "0"}, {"fixed": "2"}, {"introduced": "3"}], True),
        ("2.5", [{"introduced": "0"}, {"fixed": "2"}, {"introduced": "3"}], False),
        ("1.0.0-beta.2", [{"introduced": "1.0.0-beta.3"}], False),
        ("not-a-version", [{"introduced": "0"}], None),
    ],
)
def test_a_version_is_in_a_range_or_not(
    version: str, events: list[dict[str, str]], expected: bool | None
) -> None:
    assert is_affected(version, {"ranges": [{"type": "ECOSYSTEM", "events": events}]}) is expected


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("reqeusts", "requests"),
        ("python-dateutl", "python-dateutil"),
        ("numpyy", "numpy"),
        ("scikit-lern", "scikit-learn"),
        ("beautifulsup4", "beautifulsoup4"),
        ("pythondateutil", "python-dateutil"),
        ("requests", None),
        ("scikit-learn", None),
        ("our-own-billing", None),
        ("ab", None),
    ],
)
def test_a_name_nearly_that_of_another_is_pointed_at(name: str, like: str | None) -> None:
    found = near([pypi(name)])
    assert [one.like for one in found] == ([like] if like else [])
    assert near([pypi(name)], allowed=[name.replace("-", "_").upper()]) == []


def test_packages_of_this_project_are_not_taken_for_slips() -> None:
    assert near(inventory.installed()) == []


def test_imports_of_generated_code_are_checked_behind_their_aliases(tmp_path: Path) -> None:
    answer = tmp_path / "answer.md"
    answer.write_text(
        "Sure:\n```python\nimport os, cv2\nfrom sklearn.svm import SVC\nimport reqeusts as r\n"
        "from PIL import Image\nfrom . import mine\n```\nimport nothing from here"
    )
    names = {one.name for one in imported(answer)}
    assert names == {"opencv-python", "scikit-learn", "reqeusts", "pillow"}
    report = examine([], Nowhere("asked nobody"), imported=imported(answer))
    assert [(one.name, one.like) for one in report.near_names] == [("reqeusts", "requests")]
    assert imports_of("import numpy\nthis does not parse (") == {"numpy"}


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("1+1",)


class Odd:
    pass


def torch_like(payload: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model/data.pkl", payload)
        archive.writestr("model/data/0", b"\x80\x02" + bytes(range(256)))
    return buffer.getvalue()


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in files.items():
            archive.writestr(name, raw)
    return buffer.getvalue()


def nested(depth: int, raw: bytes) -> bytes:
    for _ in range(depth):
        raw = zipped({"inner": raw})
    return raw


def tarred(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, raw in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(raw)
            archive.addfile(about, io.BytesIO(raw))
    return buffer.getvalue()


def safetensors(header: dict[str, Any], data: bytes) -> bytes:
    said = json.dumps(header).encode()
    return len(said).to_bytes(8, "little") + said + data


SHELL = b"cos\nsystem\n(S'true'\ntR."
ONNX = b"\x08\x08\x12\x05torch\x3a\x04\x0a\x02ab\x42\x02\x10\x11"
HIDDEN = b"\x80\x04\x8c\x02os\x8c\x06system0\x8c\x06system\x93."  # a POP between the names
MEMO = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940h\x00h\x01\x93\x8c\x02id\x85R."
PICKLED = {
    "plain.pkl": (pickle.dumps({"a": [1, 2.0, "x"]}), "safe"),
    "array.pkl": (pickle.dumps(np.ones(3)), "safe"),
    "ordered.bin": (pickle.dumps(OrderedDict(a=1), protocol=2), "safe"),
    "evil.pkl": (pickle.dumps(Evil()), "dangerous"),
    "evil0.pkl": (pickle.dumps(Evil(), protocol=0), "dangerous"),
    "second.pkl": (pickle.dumps(1) + pickle.dumps(Evil()), "dangerous"),
    "squeezed.joblib": (gzip.compress(pickle.dumps(Evil())), "dangerous"),
    "odd.pkl": (pickle.dumps(Odd()), "suspicious"),
    "hidden.pkl": (HIDDEN, "dangerous"),
    "memo.pkl": (MEMO, "dangerous"),
    "cut.pkl": (pickle.dumps(list(range(300)))[:-9], "unknown"),
    "cut-evil.pkl": (pickle.dumps(Evil())[:-2], "dangerous"),
    "model.pt": (torch_like(pickle.dumps(OrderedDict(a=1), protocol=2)), "safe"),
    "evil.pt": (torch_like(pickle.dumps(Evil())), "dangerous"),
    "notes.safetensors": (safetensors({"a": {"data_offsets": [0, 4]}}, bytes(4)), "safe"),
    "cut.safetensors": (safetensors({"a": {"data_offsets": [0, 4]}}, bytes(3)), "unknown"),
    "odd.safetensors": (b"\x08\x00\x00\x00\x00\x00\x00\x00{}", "unknown"),
    "noise.safetensors": (b"\xff" * 40, "unknown"),
    "disguised.safetensors": (pickle.dumps(Evil()), "dangerous"),
    "disguised0.safetensors": (SHELL, "dangerous"),
    "disguised0.onnx": (SHELL, "dangerous"),
    "net.onnx": (ONNX, "safe"),
    "cut.onnx": (ONNX[:-1], "unknown"),
    "words.onnx": (b"nothing that is a model", "unknown"),
    "noext": (pickle.dumps(Evil()), "dangerous"),
    "noext0": (SHELL, "dangerous"),
    "broken0": (SHELL[:-1] + b"\xff\xff", "dangerous"),
    "padded0": (b"S'" + b"a" * 4000 + b"'\n0" + SHELL, "dangerous"),
    "h.pkl.gz": (gzip.compress(pickle.dumps(Evil())), "dangerous"),
    "weights.ckpt.gz": (gzip.compress(SHELL), "dangerous"),
    "weights.bz2": (bz2.compress(SHELL), "dangerous"),
    "weights.xz": (lzma.compress(SHELL), "dangerous"),
    "two.gz": (gzip.compress(b"") + gzip.compress(SHELL), "dangerous"),
    "four.lz4": (b"\x04\x22\x4d\x18" + bytes(20), "unknown"),
    "within.zip": (zipped({"x.pt": torch_like(pickle.dumps(Evil()))}), "dangerous"),
    "deep.zip": (nested(3, SHELL), "dangerous"),
    "deeper.zip": (nested(8, SHELL), "unknown"),
    "old.pt": (tarred({"pickle": SHELL, "storages": bytes(9)}), "dangerous"),
    "behind.bin": (b"\xff" * 64 + torch_like(SHELL), "dangerous"),
    "renamed.pt": (zipped({"m/data.pk1": SHELL, "m/data.pkl": pickle.dumps({})}), "dangerous"),
    "noise.zip": (zipped({"a.dat": b"\xff\x00" * 40}), "unknown"),
    "noise.dat": (b"\xff\x00" * 40, "unknown"),
    "weights.gguf": (b"GGUF\x03\x00\x00\x00", "safe"),
    "numbers.npy": (npy(np.arange(4)), "safe"),
    "objects.npy": (npy(np.array([Evil()], dtype=object)), "dangerous"),
    "net.h5": (b"\x89HDF\r\n\x1a\n" + bytes(40), "unknown"),
    "empty.bin": (b"", "unknown"),
}


@pytest.mark.parametrize("name", PICKLED)
def test_a_file_of_a_model_is_judged_unloaded(tmp_path: Path, name: str) -> None:
    raw, verdict = PICKLED[name]
    (tmp_path / name).write_bytes(raw)
    found = scan(tmp_path / name)
    assert found.verdict == verdict, found
    assert verdict == "safe" or found.globals or found.reason


def test_a_folder_of_models_is_walked(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name, (raw, _) in PICKLED.items():
        (tmp_path / "a" / name).write_bytes(raw)
    (tmp_path / "a" / "readme.md").write_text("no model")
    (tmp_path / "a" / "linked.pkl").symlink_to(tmp_path / "a" / "evil.pkl")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "there").symlink_to(tmp_path / "a")
    os.mkfifo(tmp_path / "a" / "waiting.pkl")
    files = {Path(file.path).name: file for file in map(scan, model_files(tmp_path))}
    assert len(files) == len(PICKLED) + 5
    assert files["linked.pkl"].verdict == "dangerous"
    unread = [files[name].verdict for name in ("gone", "there", "waiting.pkl")]
    assert unread == ["unknown"] * 3
    report = examine([], Nowhere("asked nobody"), files=list(files.values()))
    assert report.outcome == "at risk"
    assert report.skipped == (str(tmp_path / "a" / "readme.md"),)
    assert "; 1 files not looked at: " in report.text()
    skipped = [files["readme.md"]]
    assert examine([], Nowhere("asked nobody"), files=skipped).outcome == "unknown"
    safe = [scan(tmp_path / "a" / "plain.pkl")]
    assert examine([], Nowhere("asked nobody"), files=safe).outcome == "clean"
    assert examine([], Nowhere("asked nobody")).outcome == "unknown"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.json", '{"a": 1}'),
        ("CHANGES", "changes\nfoo\n\nRelease of the first\n"),
        ("LICENSE", "(c) somebody\ncopyright\nholders of it\n"),
        ("notes.txt", "Vowels\nIt is\ncold\noutside\n"),
        ("a.py", "import os\nos.system('true')\n"),
        (".ignore", ".env\n"),
        ("conf.yaml", "config:\n  one: 1\n"),
        ("vocab.txt", "\n".join("abcdefghijklmnopqrstuvwxyz0123456789.()[]{}")),
    ],
)
def test_text_beside_models_is_no_model(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert scan(tmp_path / name).verdict == "skipped"


@pytest.mark.parametrize(
    "raw",
    [
        zipped({f"{n}.pkl": pickle.dumps(bytes(700)) for n in range(3)}),
        zipped({f"{n}.txt": b"" for n in range(9)}),
        zipped({"one.pkl": bytes(1500)}),
        gzip.compress(bytes(1500), mtime=0),
        bz2.compress(bytes(1500)),
        lzma.compress(bytes(1500)),
        zlib.compress(bytes(1500)),
        tarred({"a.pkl": bytes(1500)}),
    ],
)
def test_what_is_too_much_is_unknown(
    tmp_path: Path, raw: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "_MOST_IN_ALL", 2000)
    monkeypatch.setattr(containers, "MOST_BYTES", 1000)
    monkeypatch.setattr(containers, "HEAD_BYTES", 500)
    monkeypatch.setattr(containers, "_MOST_ENTRIES", 8)
    (tmp_path / "model.bin").write_bytes(raw)
    found = scan(tmp_path / "model.bin")
    assert (found.verdict, "more than" in str(found.reason) or "larger" in str(found.reason)) == (
        "unknown",
        True,
    )


@given(st.binary(max_size=400))
def test_any_bytes_are_judged(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "model.pkl"
    path.write_bytes(raw)
    assert scan(path).verdict in ("safe", "suspicious", "dangerous", "unknown")
