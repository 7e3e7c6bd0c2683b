"""ONNX files written by hand: the protobuf messages of onnx/onnx.proto, as far as models here need.

For builds and tests, so that neither needs a package that exports models.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FLOAT, INT64 = 1, 7
"""Types of elements."""

_OF_FLOAT, _OF_INT, _OF_INTS = 1, 2, 7  # types of attributes
_IR_VERSION = 8


def model(graph: bytes, *, opset: int) -> bytes:
    return field(1, _IR_VERSION) + field(7, graph) + field(8, field(1, b"") + field(2, opset))


def graph(
    *,
    nodes: Sequence[bytes],
    tensors: Sequence[bytes],
    inputs: Sequence[bytes],
    output: bytes,
) -> bytes:
    return (
        b"".join(field(1, one) for one in nodes)
        + field(2, b"graph")
        + b"".join(field(5, one) for one in tensors)
        + b"".join(field(11, one) for one in inputs)
        + field(12, output)
    )


def node(
    operator: str,
    inputs: Sequence[str],
    output: str,
    **attributes: int | float | Sequence[int],
) -> bytes:
    return (
        b"".join(field(1, name.encode()) for name in inputs)
        + field(2, output.encode())
        + field(4, operator.encode())
        + b"".join(field(5, _attribute(name, value)) for name, value in attributes.items())
    )


def tensor(name: str, values: npt.NDArray[np.float32] | npt.NDArray[np.int64]) -> bytes:
    kind = FLOAT if values.dtype == np.float32 else INT64
    shape = b"".join(field(1, size) for size in values.shape)
    raw = np.ascontiguousarray(values).tobytes()
    return shape + field(2, kind) + field(8, name.encode()) + field(9, raw)


def value(name: str, kind: int, rank: int) -> bytes:
    """An input or output of unknown sizes."""
    shape = b"".join(field(1, field(2, f"{name}_{at}".encode())) for at in range(rank))
    return field(1, name.encode()) + field(2, field(1, field(1, kind) + field(2, shape)))


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value & (1 << 64) - 1)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _attribute(name: str, value: int | float | Sequence[int]) -> bytes:
    named = field(1, name.encode())
    if isinstance(value, float):
        return named + _varint(2 << 3 | 5) + struct.pack("<f", value) + field(20, _OF_FLOAT)
    if isinstance(value, int):
        return named + field(3, value) + field(20, _OF_INT)
    return named + b"".join(field(8, one) for one in value) + field(20, _OF_INTS)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
