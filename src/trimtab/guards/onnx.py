"""A classifier of text as an ONNX model in a folder: `model.onnx`, `tokenizer.json`, `config.json`.

The label that counts is the one of `config.json` whose name says so, or else the last.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from trimtab.errors import ConfigError, MissingExtra
from trimtab.records import ModelSlot

_MOST_TOKENS = 512
_BAD = ("injection", "jailbreak", "unsafe", "toxic", "malicious", "attack", "label_1")


class OnnxClassifier:
    """Implements `slots.Classifier`; the model runs in a thread."""

    def __init__(self, slot: ModelSlot) -> None:
        """Raises MissingExtra without the extra [onnx], and ConfigError for another folder."""
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError:
            raise MissingExtra.named("onnx", needed_for="guards with an onnx slot") from None
        folder = Path(slot.target)
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            self._model = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
            self._label = _bad_label(folder / "config.json")
        except Exception as error:
            # The two libraries raise types of their own, the builtin Exception among them.
            raise ConfigError(
                f"there is no ONNX classifier that can be read: {type(error).__name__}",
                where=str(folder),
                fix="the folder must have model.onnx and tokenizer.json",
            ) from None
        self._tokenizer.enable_truncation(_MOST_TOKENS)
        self._tokenizer.no_padding()
        self._inputs = {one.name for one in self._model.get_inputs()}

    async def classify(self, text: str) -> float:
        return await asyncio.to_thread(self._run, text)

    async def aclose(self) -> None:
        pass

    def _run(self, text: str) -> float:
        encoded = self._tokenizer.encode(text)
        given = {
            "input_ids": encoded.ids,
            "attention_mask": encoded.attention_mask,
            "token_type_ids": encoded.type_ids,
        }
        feed = {
            name: np.asarray([ids], dtype=np.int64)
            for name, ids in given.items()
            if name in self._inputs
        }
        (logits,) = self._model.run(None, feed)[0]
        return probability(np.asarray(logits, dtype=np.float64), self._label)


def probability(logits: np.ndarray[Any, Any], label: int | None) -> float:
    """Of the label that counts: a sigmoid of one logit, a softmax of several.

    >>> round(probability(np.array([0.0]), None), 2), round(probability(np.array([0.0, 1.0]), 1), 2)
    (0.5, 0.73)
    """
    if logits.size == 1:
        return float(1 / (1 + np.exp(-logits[0])))
    shares = np.exp(logits - logits.max())
    return float(shares[-1 if label is None else label] / shares.sum())


def _bad_label(config: Path) -> int | None:
    if not config.exists():
        return None
    labels = msgspec.json.decode(config.read_bytes()).get("id2label", {})
    for number, name in labels.items():
        if any(word in str(name).lower() for word in _BAD):
            return int(number)
    return None
