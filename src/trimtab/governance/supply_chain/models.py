"""Files of models: which run code when they are loaded, and what they would call."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from trimtab.governance.supply_chain.pickles import WORST, Verdict, judged

SAFE_FORMATS = {".safetensors": "safetensors", ".gguf": "gguf", ".onnx": "onnx"}
_PICKLES = {".pkl", ".pickle", ".p", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".sav", ".dill"}
_ARRAYS = {".npy", ".npz"}
_KERAS = {".keras", ".h5", ".hdf5"}
EXTENSIONS = frozenset({*SAFE_FORMATS, *_PICKLES, *_ARRAYS, *_KERAS})

_MOST_BYTES = 256 * 1024**2


class Scanned(msgspec.Struct, frozen=True, kw_only=True):
    """A file, what was made of it, and the globals that it would import ("os.system")."""

    path: str
    format: str
    verdict: Verdict
    globals: tuple[str, ...] = ()
    reason: str | None = None


def scan(path: Path) -> Scanned:
    """What loading a file of a model would do, without loading it.

    Safetensors, GGUF and ONNX hold no code. A zip (what PyTorch writes) is looked into; joblib and
    old PyTorch files are pickles, several in a row. What cannot be read to its end is unknown.

    >>> import pickle, tempfile
    >>> file = Path(tempfile.mkdtemp()) / "model.pkl"
    >>> _ = file.write_bytes(b"cos\\nsystem\\n(S'true'\\ntR.")
    >>> scan(file).verdict, scan(file).globals
    ('dangerous', ('os.system',))
    """
    try:
        with path.open("rb") as file:
            return _scan(path, file)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return Scanned(path=str(path), format="unknown", verdict="unknown", reason=reason)


def model_files(path: Path) -> Iterator[Path]:
    """A file itself, or the files of models below a folder, sorted; links are not followed."""
    if not path.is_dir():
        yield path
        return
    for found in sorted(path.rglob("*")):
        if found.suffix.lower() in EXTENSIONS and found.is_file() and not found.is_symlink():
            yield found


def _scan(path: Path, file: BinaryIO) -> Scanned:
    head = file.read(16)
    file.seek(0)
    suffix = path.suffix.lower()
    if zipfile.is_zipfile(file):
        return _of_zip(path, file)
    file.seek(0)
    if head.startswith(b"\x93NUMPY"):
        return _of_array(path, file)
    if head[:1] == b"\x80" or suffix in _PICKLES or head[:2] in (b"x\x9c", b"x\x01", b"\x1f\x8b"):
        return _of_pickle(path, file)
    if head.startswith(b"GGUF") or suffix in (".safetensors", ".onnx"):
        return Scanned(path=str(path), format=SAFE_FORMATS.get(suffix, "gguf"), verdict="safe")
    if head.startswith(b"\x89HDF"):
        reason = "Keras files may hold Lambda layers, which are code"
        return Scanned(path=str(path), format="hdf5", verdict="unknown", reason=reason)
    return _of_pickle(path, file, by_chance=True)


def _of_zip(path: Path, file: BinaryIO) -> Scanned:
    """A zip of PyTorch, NumPy or Keras: every entry that is a pickle, by its name or first byte."""
    names: set[str] = set()
    verdict: Verdict = "safe"
    reason = None
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as stream:
                    raw = stream.read(200)
                    if not _may_be_code(entry.filename, raw):
                        continue
                    raw += stream.read(_MOST_BYTES)
                is_pickle = not entry.filename.endswith((".json", ".py", ".npy"))
                if raw.startswith(b"\x93NUMPY") and b"|O" in raw[:200]:
                    raw, is_pickle = raw[_header_bytes(raw) :], True
                # Tensors may begin with any byte: they end without the STOP of a pickle.
                if is_pickle and not ("/data/" in entry.filename and not _is_pickle(raw)):
                    found, said, why = judged(raw)
                    names |= set(found)
                    verdict, reason = max(
                        (verdict, reason), (said, why), key=lambda one: WORST.index(one[0])
                    )
                if entry.filename.endswith(("config.json", ".py")) and b"Lambda" in raw:
                    verdict = max(verdict, "suspicious", key=WORST.index)
                    reason = reason or "a Lambda layer, which is code"
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, zlib.error) as error:
        verdict = max(verdict, "unknown", key=WORST.index)
        reason = reason or f"the zip cannot be read: {type(error).__name__}"
    found_names = tuple(sorted(names))
    return Scanned(
        path=str(path), format="zip", verdict=verdict, globals=found_names, reason=reason
    )


def _may_be_code(name: str, head: bytes) -> bool:
    if name.endswith((".pkl", ".pickle", "config.json", ".py")):
        return True
    is_objects = head.startswith(b"\x93NUMPY") and b"|O" in head
    return is_objects or (head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05")


def _of_array(path: Path, file: BinaryIO) -> Scanned:
    raw = file.read(_MOST_BYTES)
    if b"|O" not in raw[:200]:
        return Scanned(path=str(path), format="npy", verdict="safe")
    names, verdict, reason = judged(raw[_header_bytes(raw) :])
    return Scanned(path=str(path), format="npy", verdict=verdict, globals=names, reason=reason)


def _header_bytes(raw: bytes) -> int:
    if raw[6:7] == b"\x01":
        return 10 + int.from_bytes(raw[8:10], "little")
    return 12 + int.from_bytes(raw[8:12], "little")


def _of_pickle(path: Path, file: BinaryIO, *, by_chance: bool = False) -> Scanned:
    raw = file.read(_MOST_BYTES)
    try:
        if raw[:2] == b"\x1f\x8b" or raw[:1] == b"x":
            inflater = zlib.decompressobj(wbits=47)
            raw = inflater.decompress(raw, _MOST_BYTES) or raw
    except zlib.error:
        pass
    names, verdict, reason = judged(raw)
    if by_chance and verdict == "unknown" and not names:
        reason = "no format of models that is known"
        return Scanned(path=str(path), format="unknown", verdict="unknown", reason=reason)
    return Scanned(path=str(path), format="pickle", verdict=verdict, globals=names, reason=reason)


def _is_pickle(raw: bytes) -> bool:
    return judged(raw)[1] != "unknown"
