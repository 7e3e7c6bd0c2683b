"""Formats: what a file of a model is by its content, whatever its name says."""

from __future__ import annotations

import codecs
from typing import Any, BinaryIO, Literal

from trimtab.errors import InvalidRequest
from trimtab.governance.supply_chain.pickles import may_begin
from trimtab.kit import jsonx

HEAD_BYTES = 2048

PICKLES = {".pkl", ".pickle", ".p", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".sav", ".dill"}
_SAFE = {".safetensors": "safetensors", ".gguf": "gguf", ".onnx": "onnx"}
_OTHERS = {".npy", ".npz", ".keras", ".h5", ".hdf5"}
_SQUEEZED = {".gz", ".bz2", ".xz", ".lzma", ".zst", ".lz4", ".z"}

Format = Literal[
    "zip",
    "tar",
    "gzip",
    "bz2",
    "xz",
    "zlib",
    "zstd",
    "lz4",
    "npy",
    "gguf",
    "hdf5",
    "safetensors",
    "onnx",
    "pickle",
    "text",
    "unknown",
]
SQUEEZED: frozenset[Format] = frozenset({"gzip", "bz2", "xz", "zlib", "zstd", "lz4"})

_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"]\x00\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"x\x01", "zlib"),
    (b"x\x5e", "zlib"),
    (b"x\x9c", "zlib"),
    (b"x\xda", "zlib"),
    (b"\x93NUMPY", "npy"),
    (b"GGUF", "gguf"),
    (b"\x89HDF", "hdf5"),
)
_TAR_AT = 257
_MOST_HEADER_BYTES = 100_000_000
_CONTROL = frozenset(range(32)) - set(b"\t\n\r\f\x1b")
_ONNX_GRAPH = 7
_ONNX_FIELDS = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26})
_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5


def suffix_of(name: str) -> str:
    """The suffix of a name in lower case, of `weights.ckpt.gz` that of `weights.ckpt`.

    >>> suffix_of("a/weights.ckpt.gz"), suffix_of("noext")
    ('.ckpt', '')
    """
    parts = name.rpartition("/")[2].lower().split(".")
    while len(parts) > 2 and f".{parts[-1]}" in _SQUEEZED:
        parts.pop()
    return f".{parts[-1]}" if len(parts) > 1 else ""


def is_named_as_model(name: str) -> bool:
    """Whether a name is one that files of models have."""
    suffix = suffix_of(name)
    return suffix in PICKLES or suffix in _SAFE or suffix in _OTHERS


def format_of(name: str, head: bytes) -> Format:
    """What a file seems to be by its first bytes; by its name where those say nothing."""
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return "tar"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= _MOST_HEADER_BYTES:
        return "safetensors"
    suffix = suffix_of(name)
    if suffix in PICKLES or (head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05"):
        return "pickle"
    if suffix == ".onnx" or (head[:1] == b"\x08" and head[2:3] in b"\x12\x3a"):
        return "onnx"
    if suffix == ".safetensors":
        return "safetensors"
    if may_begin(head):
        return "pickle"
    return "text" if is_text(head) else "unknown"


def is_text(head: bytes) -> bool:
    """Whether the beginning of a file is text in UTF-8."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return _CONTROL.isdisjoint(head)


def safetensors_fault(file: BinaryIO, size: int) -> str | None:
    """Why a file is no Safetensors; None where its header parses and fits the data behind it."""
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, _MOST_HEADER_BYTES):
        return "its header is longer than the file"
    try:
        header = jsonx.decode(file.read(length), what="the header")
    except InvalidRequest:
        return "its header is not JSON"
    if not isinstance(header, dict):
        return "its header is no object"
    tensors = [one for name, one in header.items() if name != "__metadata__"]
    ends = [_end_of(one) for one in tensors]
    if None in ends:
        return "a tensor of its header has no place"
    end = max((one for one in ends if one is not None), default=0)
    return None if end == size - 8 - length else "its header does not fit the data behind it"


def _end_of(tensor: Any) -> int | None:
    places = tensor.get("data_offsets") if isinstance(tensor, dict) else None
    if not (isinstance(places, list) and len(places) == 2):
        return None
    return places[1] if all(type(place) is int for place in places) else None


def onnx_fault(file: BinaryIO, size: int) -> str | None:
    """Why a file is no ONNX; None where its fields end with the file and hold a graph."""
    at, has_graph = 0, False
    while at < size:
        file.seek(at)
        raw = file.read(20)
        tag, taken = _varint(raw)
        field, wire = tag >> 3, tag & 7
        if not taken or field not in _ONNX_FIELDS:
            return "its fields are not those of a model"
        value, more = _varint(raw[taken:])
        if wire == _VARINT and more:
            at += taken + more
        elif wire == _LENGTH and more:
            at += taken + more + value
        elif wire in (_FIXED_64, _FIXED_32):
            at += taken + (8 if wire == _FIXED_64 else 4)
        else:
            return "its fields cannot be read"
        has_graph = has_graph or (field == _ONNX_GRAPH and wire == _LENGTH)
    if at != size:
        return "it is cut off"
    return None if has_graph else "it has no graph"


def _varint(raw: bytes) -> tuple[int, int]:
    """A number of a protocol buffer and how many bytes it takes; none where it does not end."""
    value = 0
    for at, byte in enumerate(raw[:10]):
        value |= (byte & 0x7F) << (7 * at)
        if byte < 0x80:
            return value, at + 1
    return 0, 0
