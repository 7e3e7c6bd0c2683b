"""Scorers that ask a small model: embeddings of the gateway, and ONNX models on this machine."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.adapters.tiny_models import embedding_model, pair_model
from tests.serving import configured, served

import trimtab
from trimtab.errors import ProviderError, RateLimited, ScorerError
from trimtab.evals.embedder import GatewayEmbedder
from trimtab.evals.scorers import scorers_of
from trimtab.experiments.pace import Pace
from trimtab.experiments.suite import DataRef, TaskRef
from trimtab.ports import Scorer, Subject
from trimtab.records import Score, Target
from trimtab.scorers.bertscore import bertscore
from trimtab.scorers.nli import nli
from trimtab.scorers.similarity import cosine, embedding_similarity
from trimtab.testing.embedder import EmbedderContract, Embedding
from trimtab.testing.scorer import ScorerContract, judge


def one(which: Any, **fields: Any) -> Score:
    [score] = judge(which, Subject(target=Target(kind="example", id="e1"), **fields))
    return score


def all_of(which: Any, **fields: Any) -> dict[str, Any]:
    scores = judge(which, Subject(target=Target(kind="example", id="e1"), **fields))
    return {score.name.partition(".")[2]: score.value for score in scores}


class Letters:
    """Texts as counts of letters: near where the letters are the same."""

    name = "letters"

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [[float(text.lower().count(chr(97 + n))) for n in range(26)] for text in texts]


class TestEmbeddingSimilarity(ScorerContract):
    @pytest.fixture
    def scorer(self) -> Scorer:
        return embedding_similarity.using(embedder=Letters())

    @pytest.mark.parametrize(
        ("output", "expected", "value"),
        [
            ("abc", "cab", 1.0),
            ("ab", "cd", 0.0),
            ("ab", "a", 1 / math.sqrt(2)),
            ("ab", ["cd", "a"], 1 / math.sqrt(2)),
        ],
    )
    def test_it_is_the_cosine_of_the_nearest_expected_text(
        self, scorer: Scorer, output: str, expected: Any, value: float
    ) -> None:
        assert one(scorer, output=output, expected=expected).value == pytest.approx(value)

    def test_with_a_line_it_passes_or_fails(self) -> None:
        near = embedding_similarity.configured(least=0.7).using(embedder=Letters())
        assert one(near, output="ab", expected="a").passed is True
        assert one(near, output="ab", expected="cd").passed is False

    def test_what_has_no_direction_is_unscored(self, scorer: Scorer) -> None:
        assert one(scorer, output="123", expected="a").status == "unscored"

    def test_without_an_embedder_it_says_so_before_anything_is_run(self, tmp_path: Path) -> None:
        with pytest.raises(ScorerError, match="embedder: provider/model"):
            scorers_of(["embedding_similarity"], tmp_path)
        assert scorers_of(["embedding_similarity"], tmp_path, tier="code") == []

    def test_the_model_belongs_to_the_digest(self, scorer: Scorer) -> None:
        assert scorer.digest != embedding_similarity.digest

    @pytest.mark.parametrize(
        ("first", "second", "value"),
        [([1.0], [1.0, 2.0], None), ([0.0], [0.0], None), ([math.inf], [1.0], None)],
    )
    def test_vectors_that_cannot_be_compared_have_no_cosine(
        self, first: list[float], second: list[float], value: float | None
    ) -> None:
        assert cosine(first, second) is value


class _Gateway(BaseHTTPRequestHandler):
    """The embeddings of a gateway, one letter count for each text, in another order."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.seen.append((self.path, dict(self.headers), asked))  # type: ignore[attr-defined]  # ours
        status, headers, body = self.server.answer(asked)  # type: ignore[attr-defined]  # ours
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing is printed."""


def vectors(asked: Any) -> tuple[int, dict[str, str], bytes]:
    rows = [
        {"index": place, "embedding": asyncio.run(Letters().embed([text]))[0] + [float(len(text))]}
        for place, text in enumerate(asked["input"])
    ]
    return 200, {}, json.dumps({"data": rows[::-1], "model": asked["model"]}).encode()


@pytest.fixture
def gateway() -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Gateway)
    server.seen, server.answer = [], vectors  # type: ignore[attr-defined]  # ours
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def opened(gateway: Any, **settings: Any) -> aclosing[GatewayEmbedder]:
    url = f"http://127.0.0.1:{gateway.server_address[1]}"
    return aclosing(GatewayEmbedder(url, "openai/small", Pace(4), **settings))


class TestGatewayEmbedder(EmbedderContract):
    @pytest.fixture
    def embedding(self, gateway: Any) -> Embedding:
        return lambda: opened(gateway)

    def ask(self, gateway: Any, texts: list[str], **settings: Any) -> list[list[float]]:
        async def work() -> list[list[float]]:
            async with opened(gateway, **settings) as embedder:
                return await embedder.embed(texts)

        return asyncio.run(work())

    def test_it_asks_as_who_it_is_for_the_run_it_is_in(self, gateway: Any) -> None:
        self.ask(gateway, ["a", "\ud800"], key="k", run="r1")
        [(path, headers, asked)] = gateway.seen
        assert (path, asked["model"], asked["input"]) == (
            "/v1/embeddings",
            "openai/small",
            ["a", "?"],
        )
        assert headers["authorization"] == "Bearer k"
        assert headers["x-trimtab-run"] == "r1"

    def test_what_is_refused_for_being_too_much_is_asked_again(self, gateway: Any) -> None:
        left = [(429, {"retry-after": "0"}, b"{}")]
        gateway.answer = lambda asked: left.pop() if left else vectors(asked)
        assert len(self.ask(gateway, ["a"])) == 1
        assert len(gateway.seen) == 2

    @pytest.mark.parametrize(
        ("answer", "says"),
        [
            ((500, {}, b"no such model"), "HTTP 500: no such model"),
            ((200, {}, b"not JSON"), "gave no vectors"),
            ((200, {}, b'{"data": []}'), "gave 0 vectors for 1 texts"),
            ((200, {}, b'{"data": [{"index": 7, "embedding": [1]}]}'), "gave 1 vectors"),
        ],
    )
    def test_no_vectors_are_an_error_that_says_why(
        self, gateway: Any, answer: Any, says: str
    ) -> None:
        gateway.answer = lambda _: answer
        with pytest.raises(ProviderError, match=says):
            self.ask(gateway, ["a"])

    def test_who_must_wait_for_minutes_is_told(self, gateway: Any) -> None:
        gateway.answer = lambda _: (429, {"retry-after": "999"}, b"{}")
        with pytest.raises(RateLimited):
            self.ask(gateway, ["a"])

    def test_nobody_there_is_the_error_of_one_case(self) -> None:
        async def work() -> list[Score]:
            embedder = GatewayEmbedder("http://127.0.0.1:1", "m", Pace(1))
            subject = Subject(target=Target(kind="example", id="e"), output="a", expected="a")
            try:
                return await embedding_similarity.using(embedder=embedder).score(subject)
            finally:
                await embedder.aclose()

        [score] = asyncio.run(work())
        assert (score.status, score.value) == ("error", None)
        assert "cannot be asked" in (score.reason or "")


VECTORS = {
    "cat": [1.0, 0.0, 0.0],
    "dog": [0.6, 0.8, 0.0],
    "car": [0.1, 0.1, 1.0],
    "sat": [0.0, 1.0, 0.0],
    "the": [2.0, 2.0, 1.0],
}


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(embedding_model(tmp_path_factory.mktemp("words"), VECTORS))


def by_the_paper(answer: str, expected: str, weights: dict[str, float]) -> tuple[float, ...]:
    """Equations 1 to 3 of section 3 of arXiv:1904.09675, over a table of vectors."""

    def similar(one: str, other: str) -> float:
        a, b = np.array(VECTORS[one]), np.array(VECTORS[other])
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    def mean(of: list[str], to: list[str]) -> float:
        best = [weights[one] * max(similar(one, other) for other in to) for one in of]
        return sum(best) / sum(weights[one] for one in of)

    given, wanted = answer.split(), expected.split()
    recall, precision = mean(wanted, given), mean(given, wanted)
    return precision, recall, 2 * precision * recall / (precision + recall)


class TestBertScore:
    @pytest.mark.parametrize("output", ["the cat sat", "dog sat", "car", "the the cat"])
    @pytest.mark.parametrize("expected", ["the cat sat", "dog", "the car sat sat"])
    def test_it_is_that_of_the_paper(self, words: str, output: str, expected: str) -> None:
        found = all_of(bertscore.configured(directory=words), output=output, expected=expected)
        wanted = by_the_paper(output, expected, dict.fromkeys(VECTORS, 1.0))
        values = (found["precision"], found["recall"], found["f1"])
        assert values == pytest.approx(wanted, abs=1e-6)

    def test_rare_tokens_weigh_more_where_a_corpus_says_which_are(self, words: str) -> None:
        corpus = ["the cat", "the dog", "the car sat"]
        weights = {
            word: -math.log((sum(word in text.split() for text in corpus) + 1) / 4)
            for word in VECTORS
        }
        which = bertscore.configured(directory=words, corpus=corpus)
        found = all_of(which, output="the dog", expected="the cat sat")
        wanted = by_the_paper("the dog", "the cat sat", weights)
        values = (found["precision"], found["recall"], found["f1"])
        assert values == pytest.approx(wanted, abs=1e-6)

    def test_the_same_text_is_a_perfect_match_and_special_tokens_do_not_count(
        self, words: str
    ) -> None:
        found = all_of(bertscore.configured(directory=words), output="cat sat", expected="cat sat")
        assert found == pytest.approx({"precision": 1.0, "recall": 1.0, "f1": 1.0}, abs=1e-6)

    def test_the_best_of_several_expected_texts_counts(self, words: str) -> None:
        which = bertscore.configured(directory=words)
        assert all_of(which, output="cat", expected=["car", "cat"])["f1"] == pytest.approx(1.0)

    @pytest.mark.parametrize(("output", "expected"), [("", "cat"), ("cat", "")])
    def test_an_empty_text_is_unscored(self, words: str, output: str, expected: str) -> None:
        which = bertscore.configured(directory=words)
        assert one(which, output=output, expected=expected).status == "unscored"

    def test_a_directory_without_a_model_is_an_error_that_names_it(self, tmp_path: Path) -> None:
        for model, says in (("", "no directory is named"), (str(tmp_path), "there is no model in")):
            score = one(bertscore.configured(directory=model), output="cat", expected="cat")
            assert score.status == "error"
            assert says in (score.reason or "")
        (tmp_path / "model.onnx").write_bytes(b"not a model")
        (tmp_path / "tokenizer.json").write_text("{}")
        score = one(bertscore.configured(directory=str(tmp_path)), output="cat", expected="cat")
        assert "the model cannot be read" in (score.reason or "")

    def test_without_the_extra_it_names_the_command_that_installs_it(self, words: str) -> None:
        code = (
            "import sys; sys.modules['onnxruntime'] = None\n"
            "from trimtab.scorers.bertscore import bertscore\n"
            f"which = bertscore.configured(directory={words!r})\n"
            "try: which.check(output='a', expected='a')\n"
            "except AssertionError as error: print(error)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert "pip install 'trimtab[onnx]'" in done.stdout


LABELS = ["CONTRADICTION", "ENTAILMENT", "NEUTRAL"]
SAYS = {"yes": [0.0, 2.0, 0.0], "no": [2.0, 0.0, 0.0], "so": [0.0, 0.0, 1.0]}


def shares(*logits: float) -> dict[str, float]:
    total = sum(map(math.exp, logits))
    return {name: math.exp(each) / total for name, each in zip(LABELS, logits, strict=True)}


class TestNli:
    @pytest.fixture
    def which(self, tmp_path: Path) -> Any:
        return nli.configured(directory=str(pair_model(tmp_path / "pairs", SAYS, LABELS)))

    def test_each_sentence_is_held_against_each_premise(self, which: Any) -> None:
        found = all_of(which, output="So yes. So no.", context=("So.", "Yes."))
        first = [shares(0, 2, 2), shares(0, 4, 1)]
        second = [shares(2, 0, 2), shares(2, 2, 1)]
        entailed = [max(each["ENTAILMENT"] for each in some) for some in (first, second)]
        denied = [max(each["CONTRADICTION"] for each in some) for some in (first, second)]
        assert found == pytest.approx(
            {
                "entailment": sum(entailed) / 2,
                "consistent": 0.5,
                "no_contradiction": 1 - sum(denied) / 2,
            },
            abs=1e-6,
        )

    def test_the_premise_may_be_the_expected_text(self, which: Any) -> None:
        which = which.configured(premise="expected")
        assert all_of(which, output="Yes.", expected="So.")["consistent"] == 1.0
        assert one(which, output="Yes.").reason == "missing: expected"

    def test_texts_of_unlike_length_do_not_change_each_other(self, which: Any) -> None:
        alone = all_of(which, output="Yes.", context=("So.",))
        beside = all_of(which, output="Yes.", context=("So.", "no " * 40))
        assert beside["entailment"] == pytest.approx(alone["entailment"], abs=1e-6)

    def test_a_model_with_other_labels_is_refused(self, tmp_path: Path) -> None:
        model = pair_model(tmp_path / "other", SAYS, ["good", "bad", "ugly"])
        score = one(nli.configured(directory=str(model)), output="Yes.", context=("So.",))
        assert "good, bad, ugly" in (score.reason or "")

    def test_without_passages_or_sentences_it_is_unscored(self, which: Any) -> None:
        assert one(which, output="Yes.").reason == "missing: context"
        assert one(which, output=" ", context=("So.",)).reason == "the answer says nothing"
        assert one(which, output="Yes. " * 60, context=("So.",)).status == "unscored"


def test_a_suite_names_its_model_of_embeddings(gateway: Any, tmp_path: Path) -> None:
    """Rows with recorded answers, through a server whose provider is the fake above."""
    url = f"http://127.0.0.1:{gateway.server_address[1]}/v1"
    provider = f"{{name: far, kind: openai_compatible, base_url: '{url}', api_key: test}}"
    suite = trimtab.Suite(
        name="meaning",
        data=DataRef(
            rows=[
                {"input": "q", "expected": "abc", "metadata": {"answer": "cab"}},
                {"input": "q", "expected": "abcd", "metadata": {"answer": "efghij"}},
            ]
        ),
        task=TaskRef(outputs="metadata.answer"),
        scorers=["embedding_similarity"],
        embedder="far/small",
    )
    with served(configured(tmp_path / "data", f"providers: [{provider}]\n")) as server:
        found = trimtab.evaluate(suite, url=server.url)
        spans = server.client.get("/api/v1/spans", {"run": found.run.run_id})["data"]
    near, far = (result.scores[0].value for result in found.results)
    assert near > far  # the fake also counts characters, so neither is 1 for certain
    assert found.metrics["embedding_similarity"].n == 2
    assert {asked["model"] for _, _, asked in gateway.seen} == {"small"}
    assert len(spans) == 2
