"""A transformer in ONNX on this machine: a directory with `model.onnx` and `tokenizer.json`.

Texts go in, arrays come out. It downloads nothing: whoever wants a model exports it. Needs the
extra [onnx].
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.errors import MissingExtra, ScorerError
from trimtab.kit import jsonx

FloatArray = npt.NDArray[np.float32]

_FILES = ("model.onnx", "onnx/model.onnx")
_BATCH = 16
_MOST_TOKENS = 512
"""Longer texts are cut, as the models that are usual here cannot look further."""


class Tokens(NamedTuple):
    """A text as a model reads it; `is_special` marks what stands for no part of the text."""

    ids: list[int]
    is_special: list[bool]


class LocalModel:
    """One model in memory. Calls may come from several threads; they are answered in turn."""

    def __init__(self, session: Any, tokenizer: Any, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        self._session = session
        self._tokenizer = tokenizer
        self._inputs = {each.name for each in session.get_inputs()}
        self._lock = threading.Lock()

    def tokens(self, text: str) -> Tokens:
        found = self._tokenizer.encode(text)
        return Tokens(list(found.ids), [bool(mark) for mark in found.special_tokens_mask])

    def token_vectors(self, texts: Sequence[str]) -> list[tuple[Tokens, FloatArray]]:
        """The tokens of each text with their vectors, shape (tokens, size)."""
        found: list[tuple[Tokens, FloatArray]] = []
        for start in range(0, len(texts), _BATCH):
            part = [self._tokenizer.encode(text) for text in texts[start : start + _BATCH]]
            states = self._run(part)
            if states.ndim != 3:
                raise ScorerError(
                    "the model gives no vectors of tokens",
                    where="directory",
                    fix="export it without a head",
                )
            for encoded, state in zip(part, states, strict=True):
                tokens = Tokens(
                    list(encoded.ids), [bool(mark) for mark in encoded.special_tokens_mask]
                )
                found.append((tokens, state[: len(tokens.ids)]))
        return found

    def logits(self, pairs: Sequence[tuple[str, str]]) -> FloatArray:
        """What a classifier of pairs says, shape (pairs, labels)."""
        found = []
        for start in range(0, len(pairs), _BATCH):
            part = [self._tokenizer.encode(*pair) for pair in pairs[start : start + _BATCH]]
            found.append(self._run(part))
        logits = np.concatenate(found)
        if logits.ndim != 2:
            raise ScorerError(
                "the model does not classify",
                where="directory",
                fix="export it with its classifier",
            )
        return logits

    def _run(self, encoded: Sequence[Any]) -> FloatArray:
        width = max(len(each.ids) for each in encoded)
        columns = {
            "input_ids": "ids",
            "attention_mask": "attention_mask",
            "token_type_ids": "type_ids",
        }
        fed = {
            name: np.array(
                [getattr(each, field) + [0] * (width - len(each.ids)) for each in encoded],
                dtype=np.int64,
            )
            for name, field in columns.items()
            if name in self._inputs
        }
        with self._lock:
            result: FloatArray = np.asarray(self._session.run(None, fed)[0], dtype=np.float32)
        return result


@lru_cache(maxsize=4)
def local_model(directory: str) -> LocalModel:
    """The model of a directory, read once.

    Raises:
        ScorerError: the directory does not hold one.
        MissingExtra: what runs it is not installed.
    """
    try:
        import onnxruntime
        import tokenizers
    except ImportError:
        raise MissingExtra.named("onnx", needed_for="models on this machine") from None
    home = Path(directory)
    file = next((home / name for name in _FILES if (home / name).is_file()), None)
    words = home / "tokenizer.json"
    if not directory or file is None or not words.is_file():
        raise ScorerError(
            f"there is no model in {directory!r}" if directory else "no directory is named",
            where="directory",
            fix="give a directory that holds model.onnx and tokenizer.json",
        )
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    settings.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(
            str(file), settings, providers=["CPUExecutionProvider"]
        )
        tokenizer = tokenizers.Tokenizer.from_file(str(words))
    except Exception as error:  # both raise types of their own, and bare Exception
        raise ScorerError(f"the model cannot be read: {error}", where=str(home)) from None
    tokenizer.no_padding()
    tokenizer.enable_truncation(_MOST_TOKENS)
    return LocalModel(session, tokenizer, _labels(home / "config.json"))


def _labels(config: Path) -> list[str]:
    """The labels of a classifier in the order of its outputs; none where nobody says."""
    if not config.is_file():
        return []
    named = jsonx.decode(config.read_bytes(), what=str(config)).get("id2label") or {}
    return [str(named[key]).lower() for key in sorted(named, key=int)]
