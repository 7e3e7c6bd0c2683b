"""Files of models: which run code when they are loaded, and what they would call."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import msgspec

from trimtab.governance.supply_chain import formats, pickles
from trimtab.governance.supply_chain.containers import (
    BROKEN,
    MOST_BYTES,
    Entry,
    Room,
    TooMuch,
    inflated,
    tarred,
    zipped,
)
from trimtab.governance.supply_chain.formats import Format
from trimtab.governance.supply_chain.pickles import WORST, Verdict, judged

_MOST_DEPTH = 4
_TENSORS = "/data/"
_LAMBDA = "a Lambda layer, which is code"
_UNKNOWN = "no format of models that is known"


class Scanned(msgspec.Struct, frozen=True, kw_only=True):
    """A file, what was made of it, and the globals that it would import ("os.system").

    Text that is no model is `skipped`: nothing is said of it.
    """

    path: str
    format: str
    verdict: Verdict | Literal["skipped"]
    globals: tuple[str, ...] = ()
    reason: str | None = None


class _Found(NamedTuple):
    format: Format
    verdict: Verdict
    globals: frozenset[str] = frozenset()
    reason: str | None = None


def scan(path: Path) -> Scanned:
    """What loading a file of a model would do, without loading it.

    What it is is decided by its content. Safetensors, GGUF and ONNX whose headers parse hold no
    code; zips, tars and compressed files are looked into, one within another; joblib and old
    PyTorch files are pickles, several in a row. What cannot be read to its end is unknown.

    >>> import pickle, tempfile
    >>> file = Path(tempfile.mkdtemp()) / "model.pkl"
    >>> _ = file.write_bytes(b"cos\\nsystem\\n(S'true'\\ntR.")
    >>> scan(file).verdict, scan(file).globals
    ('dangerous', ('os.system',))
    """
    try:
        size = _size_of(path)
        with path.open("rb") as file:
            found = _judged(path.name, file, size, Room(), 0)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        return Scanned(path=str(path), format="unknown", verdict="unknown", reason=reason)
    return Scanned(
        path=str(path),
        format=found.format,
        verdict="skipped" if found.format == "text" else found.verdict,
        globals=tuple(sorted(found.globals)),
        reason=found.reason,
    )


def _size_of(path: Path) -> int:
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise OSError("not a file")
    return about.st_size


def model_files(path: Path) -> Iterator[Path]:
    """A file itself, or everything below a folder that is no folder, sorted.

    Links to folders are not followed, and are among what is found.
    """
    if not path.is_dir():
        yield path
        return
    for folder, below, names in os.walk(path):
        below.sort()
        links = [name for name in below if (Path(folder) / name).is_symlink()]
        yield from (Path(folder) / name for name in sorted([*names, *links]))


def _judged(name: str, file: BinaryIO, size: int, room: Room, depth: int) -> _Found:
    """The worst of what a file may be taken for."""
    head = file.read(formats.HEAD_BYTES)
    kind = formats.format_of(name, head)
    found = [_as(kind, name, file, size, room, depth)]
    if kind != "zip" and _is_zip(file):
        # Readers of zips begin at the end of a file, those of pickles at its beginning.
        found.append(_of_entries("zip", file, room, depth))
    if kind not in ("pickle", "text", "unknown"):
        found.append(_by_chance(file, found[0]))
    return _worst(found)


def _as(kind: Format, name: str, file: BinaryIO, size: int, room: Room, depth: int) -> _Found:
    file.seek(0)
    if kind in ("zip", "tar"):
        return _of_entries(kind, file, room, depth)
    if kind in formats.SQUEEZED:
        return _squeezed(kind, name, file, room, depth)
    if kind in ("safetensors", "onnx"):
        check = formats.safetensors_fault if kind == "safetensors" else formats.onnx_fault
        fault = check(file, size)
        return _Found(kind, "unknown" if fault else "safe", reason=fault)
    if kind == "gguf":
        version = int.from_bytes(file.read(8)[4:], "little")
        fault = None if 1 <= version <= 3 else "its header is none of GGUF"
        return _Found(kind, "unknown" if fault else "safe", reason=fault)
    if kind == "npy":
        return _of_array(file)
    if kind == "hdf5":
        reason = "Keras files may hold Lambda layers, which are code"
        return _Found(kind, "unknown", reason=reason)
    if formats.suffix_of(name) in formats.PICKLES or file.read(1) == b"\x80":
        return _of_pickle(file)
    file.seek(0)
    is_text = formats.is_text(file.read(formats.HEAD_BYTES))
    other: Format = "text" if is_text and not formats.is_named_as_model(name) else "unknown"
    return _by_chance(file, _Found(other, "unknown", reason=_UNKNOWN))


def _is_zip(file: BinaryIO) -> bool:
    file.seek(0)
    return zipfile.is_zipfile(file)


def _worst(found: list[_Found]) -> _Found:
    worst = max(found, key=lambda one: WORST.index(one.verdict))
    return worst._replace(globals=frozenset().union(*(one.globals for one in found)))


# -- what holds others -----------------------------------------------------------------------------


def _of_entries(kind: Format, file: BinaryIO, room: Room, depth: int) -> _Found:
    """Everything in a zip of PyTorch, NumPy or Keras, or in a tar."""
    found = [_Found(kind, "safe")]
    if depth == _MOST_DEPTH:
        return _Found(kind, "unknown", reason="files within files are nested too deeply")
    file.seek(0)
    try:
        entries = zipped if kind == "zip" else tarred
        # One by one: what was found before the rest cannot be read counts.
        found.extend(_of_entry(entry, room, depth) for entry in entries(file, _is_wanted, room))
    except TooMuch as error:
        found.append(_Found(kind, "unknown", reason=str(error)))
    except BROKEN as error:
        reason = f"the {kind} cannot be read: {type(error).__name__}"
        found.append(_Found(kind, "unknown", reason=reason))
    return _worst(found)._replace(format=kind)


def _is_wanted(name: str, head: bytes) -> bool:
    kind = formats.format_of(name, head)
    return kind not in ("text", "unknown") or name.endswith(("config.json", ".py"))


def _of_entry(entry: Entry, room: Room, depth: int) -> _Found:
    name, raw = entry
    found = _judged(name, io.BytesIO(raw), len(raw), room, depth + 1)
    if found.verdict != "unknown":
        pass
    elif found.format == "text" or name.endswith("model.weights.h5"):
        found = _Found("text", "safe")
    elif _TENSORS in name:
        # Tensors may begin with any byte, and nobody loads them as anything else.
        found = _Found("unknown", "safe", found.globals)
    else:
        found = found._replace(reason=f"{name[:100]}: {found.reason}")
    if name.endswith(("config.json", ".py")) and b"Lambda" in raw:
        found = _worst([found, _Found("text", "suspicious", reason=_LAMBDA)])
    return found


def _squeezed(kind: Format, name: str, file: BinaryIO, room: Room, depth: int) -> _Found:
    if depth == _MOST_DEPTH:
        return _Found(kind, "unknown", reason="files within files are nested too deeply")
    try:
        raw = inflated(file, kind, room)
    except TooMuch as error:
        return _Found(kind, "unknown", reason=str(error))
    except BROKEN as error:
        reason = f"the {kind} cannot be read: {type(error).__name__}"
        return _Found(kind, "unknown", reason=reason)
    return _judged(name, io.BytesIO(raw), len(raw), room, depth + 1)


# -- pickles ---------------------------------------------------------------------------------------


def _of_pickle(file: BinaryIO) -> _Found:
    file.seek(0)
    raw = file.read(MOST_BYTES)
    names, verdict, reason = judged(raw)
    if verdict == "safe" and file.read(1):
        verdict, reason = "unknown", f"larger than {MOST_BYTES >> 20} MiB"
    return _Found("pickle", verdict, frozenset(names), reason)


def _by_chance(file: BinaryIO, other: _Found) -> _Found:
    """A pickle, where what begins as one calls what it names; else `other`."""
    file.seek(0)
    if not pickles.may_begin(file.read(formats.HEAD_BYTES)):
        return other
    found = _of_pickle(file)
    file.seek(0)
    return found if found.globals and pickles.runs(file.read(MOST_BYTES)) else other


def _of_array(file: BinaryIO) -> _Found:
    raw = file.read(MOST_BYTES)
    if b"|O" not in raw[:200]:
        return _Found("npy", "safe")
    names, verdict, reason = judged(raw[_header_bytes(raw) :])
    return _Found("npy", verdict, frozenset(names), reason)


def _header_bytes(raw: bytes) -> int:
    if raw[6:7] == b"\x01":
        return 10 + int.from_bytes(raw[8:10], "little")
    return 12 + int.from_bytes(raw[8:12], "little")
