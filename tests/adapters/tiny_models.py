"""Models small enough to be written by hand: ONNX files and tokenizers, made by the tests.

An ONNX file is a protobuf message (onnx/onnx.proto); the few fields that are needed are written
here, so that the tests need no package that exports models.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path

_FLOAT, _INT64 = 1, 7


def embedding_model(home: Path, vectors: dict[str, Sequence[float]]) -> Path:
    """A model whose tokens have the same vectors wherever they stand: one table of them."""
    words = ["[UNK]", "[CLS]", "[SEP]", *vectors]
    size = len(next(iter(vectors.values())))
    special = [[9.0] + [0.0] * (size - 1)] * 3
    table = _tensor("table", [*special, *vectors.values()])
    _write(
        home,
        words,
        nodes=[_node("Gather", ["table", "input_ids"], "last_hidden_state")],
        tensors=[table],
        output=_value("last_hidden_state", _FLOAT, 3),
    )
    return home


def pair_model(home: Path, logits: dict[str, Sequence[float]], labels: Sequence[str]) -> Path:
    """A classifier of pairs that adds up what each word says for each label."""
    words = ["[UNK]", "[CLS]", "[SEP]", *logits]
    table = _tensor("table", [[0.0] * len(labels)] * 3 + list(logits.values()))
    _write(
        home,
        words,
        nodes=[
            _node("Gather", ["table", "input_ids"], "said"),
            _node("Cast", ["attention_mask"], "mask", to=_FLOAT),
            _node("Unsqueeze", ["mask", "last"], "column"),
            _node("Mul", ["said", "column"], "there"),
            _node("ReduceSum", ["there", "middle"], "logits", keepdims=0),
        ],
        tensors=[table, _whole("last", [2]), _whole("middle", [1])],
        output=_value("logits", _FLOAT, 2),
        masked=True,
    )
    config = {"id2label": {str(place): label for place, label in enumerate(labels)}}
    (home / "config.json").write_text(json.dumps(config))
    return home


def _write(
    home: Path,
    words: Sequence[str],
    *,
    nodes: Sequence[bytes],
    tensors: Sequence[bytes],
    output: bytes,
    masked: bool = False,
) -> None:
    home.mkdir(parents=True, exist_ok=True)
    inputs = [_value("input_ids", _INT64, 2)]
    if masked:
        inputs.append(_value("attention_mask", _INT64, 2))
    graph = (
        b"".join(_field(1, node) for node in nodes)
        + _field(2, b"tiny")
        + b"".join(_field(5, tensor) for tensor in tensors)
        + b"".join(_field(11, value) for value in inputs)
        + _field(12, output)
    )
    opset = _field(1, b"") + _field(2, 13)
    (home / "model.onnx").write_bytes(_field(1, 8) + _field(7, graph) + _field(8, opset))
    (home / "tokenizer.json").write_text(json.dumps(_tokenizer(words)))


def _tokenizer(words: Sequence[str]) -> dict[str, object]:
    """Words parted by white space, in the format of the package `tokenizers`."""
    ids = {word: place for place, word in enumerate(words)}
    marks = {
        name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in ("[CLS]", "[SEP]")
    }

    def special(name: str, kind: int = 0) -> dict[str, object]:
        return {"SpecialToken": {"id": name, "type_id": kind}}

    first: dict[str, object] = {"Sequence": {"id": "A", "type_id": 0}}
    second: dict[str, object] = {"Sequence": {"id": "B", "type_id": 1}}
    return {
        "version": "1.0",
        "added_tokens": [
            {
                "id": ids[name],
                "content": name,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for name in ("[UNK]", "[CLS]", "[SEP]")
        ],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special("[CLS]"), first, special("[SEP]")],
            "pair": [special("[CLS]"), first, special("[SEP]"), second, special("[SEP]", 1)],
            "special_tokens": marks,
        },
        "model": {"type": "WordLevel", "vocab": ids, "unk_token": "[UNK]"},
    }


# -- protobuf ------------------------------------------------------------------------------------


def _node(operator: str, inputs: Sequence[str], output: str, **attributes: int) -> bytes:
    return (
        b"".join(_field(1, name.encode()) for name in inputs)
        + _field(2, output.encode())
        + _field(4, operator.encode())
        + b"".join(
            _field(5, _field(1, name.encode()) + _field(3, value) + _field(20, 2))
            for name, value in attributes.items()
        )
    )


def _tensor(name: str, rows: Sequence[Sequence[float]]) -> bytes:
    raw = b"".join(struct.pack("<f", value) for row in rows for value in row)
    shape = _field(1, len(rows)) + _field(1, len(rows[0]))
    return shape + _field(2, _FLOAT) + _field(8, name.encode()) + _field(9, raw)


def _whole(name: str, values: Sequence[int]) -> bytes:
    raw = b"".join(struct.pack("<q", value) for value in values)
    return _field(1, len(values)) + _field(2, _INT64) + _field(8, name.encode()) + _field(9, raw)


def _value(name: str, kind: int, rank: int) -> bytes:
    shape = b"".join(_field(1, _field(2, f"d{place}".encode())) for place in range(rank))
    return _field(1, name.encode()) + _field(2, _field(1, _field(1, kind) + _field(2, shape)))


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
