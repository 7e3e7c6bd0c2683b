"""A sentence transformer in ONNX on this machine as an embedder: a folder with `model.onnx` and
`tokenizer.json`, such as all-MiniLM-L6-v2, of which the shipped table is a distillate.

It downloads nothing: whoever wants a model exports it. Needs the extra [onnx].
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trimtab.errors import ConfigError, MissingExtra

FloatArray = npt.NDArray[np.float32]

PREFIX = "onnx:"
"""How a setting names a folder, where it could name a model of a provider."""

_FILES = ("model.onnx", "onnx/model.onnx")
_POOLED = "sentence_embedding"  # an output of exports that pool for themselves
_MOST_TOKENS = 256
_TOGETHER = 32  # texts
_INPUTS = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}


class OnnxEmbedder:
    """Implements `ports.Embedder`: the mean of the tokens' vectors, at length one.

    The model runs on one core, in a thread. Of a text it reads 256 tokens.

    Args:
        folder: has `model.onnx`, or `onnx/model.onnx`, and `tokenizer.json`.
    Raises:
        MissingExtra: the extra [onnx] is not installed.
        ConfigError: the folder holds no such model.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError:
            raise MissingExtra.named("onnx", needed_for="an embedder in ONNX") from None
        model, words = _files(folder)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        try:
            self._tokenizer = Tokenizer.from_file(str(words))
            self._model = onnxruntime.InferenceSession(
                str(model), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            # The two libraries raise types of their own, the builtin Exception among them.
            raise _unreadable(folder, f"it cannot be read: {type(error).__name__}") from None
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MOST_TOKENS)
        self._inputs = {one.name for one in self._model.get_inputs()}
        outputs = [one.name for one in self._model.get_outputs()]
        self._output = _POOLED if _POOLED in outputs else outputs[0]
        self.name = f"onnx/{_version(model, words)}"

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """See `ports.Embedder`."""
        found: list[list[float]] = (await asyncio.to_thread(self.vectors, texts)).tolist()
        return found

    def vectors(self, texts: Sequence[str]) -> FloatArray:
        """Unit rows, shape (len(texts), dimensions); texts of like length run together."""
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        encoded = [self._tokenizer.encode(_encodable(text)) for text in texts]
        by_length = sorted(range(len(texts)), key=lambda at: len(encoded[at].ids))
        found: dict[int, FloatArray] = {}
        for start in range(0, len(texts), _TOGETHER):
            part = by_length[start : start + _TOGETHER]
            rows = self._rows([encoded[at] for at in part])
            found |= dict(zip(part, rows, strict=True))
        return np.stack([found[at] for at in range(len(texts))])

    def _rows(self, encoded: Sequence[Any]) -> FloatArray:
        width = max(1, *(len(one.ids) for one in encoded))
        fed = {name: _padded(encoded, field, width) for name, field in _INPUTS.items()}
        asked = {name: values for name, values in fed.items() if name in self._inputs}
        states = np.asarray(self._model.run([self._output], asked)[0], dtype=np.float32)
        if states.ndim == 3:
            states = _means(states, fed["attention_mask"][:, : states.shape[1]])
        lengths = np.linalg.norm(states, axis=1, keepdims=True)
        return np.asarray(states / np.where(lengths == 0, 1, lengths), dtype=np.float32)


def _means(states: FloatArray, mask: npt.NDArray[np.int64]) -> FloatArray:
    """Of each text's tokens, shape (texts, dimensions); what fills a row up does not count."""
    shares = (mask / np.maximum(mask.sum(axis=1, keepdims=True), 1)).astype(np.float32)
    found: FloatArray = np.einsum("bt,btd->bd", shares, states)
    return found


def opened(folder: str) -> OnnxEmbedder:
    """The embedder of a folder, loaded once for as long as its model stays the same file.

    Raises:
        MissingExtra, ConfigError: as `OnnxEmbedder`.
    """
    model, _ = _files(Path(folder))
    return _opened(folder, model.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _opened(folder: str, changed_ns: int) -> OnnxEmbedder:
    del changed_ns
    return OnnxEmbedder(Path(folder))


def _files(folder: Path) -> tuple[Path, Path]:
    model = next((folder / name for name in _FILES if (folder / name).is_file()), None)
    words = folder / "tokenizer.json"
    if model is None or not words.is_file():
        raise _unreadable(folder, "it has no model.onnx, or no tokenizer.json")
    return model, words


def _unreadable(folder: Path, why: str) -> ConfigError:
    return ConfigError(
        f"there is no embedder in this folder: {why}",
        where=str(folder),
        fix="name a folder with the model.onnx and tokenizer.json of a sentence transformer",
    )


def _padded(encoded: Sequence[Any], field: str, width: int) -> npt.NDArray[np.int64]:
    rows = [getattr(one, field) for one in encoded]
    return np.array([[*row, *[0] * (width - len(row))] for row in rows], dtype=np.int64)


def _encodable(text: str) -> str:
    """The tokenizer takes no lone surrogates."""
    return text.encode("utf-8", "replace").decode()


def _version(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as body:
            digest.update(hashlib.file_digest(body, "sha256").digest())
    return digest.hexdigest()[:12]
