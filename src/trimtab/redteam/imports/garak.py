"""garak: the `report.jsonl` of a run (attempts with the scores of detectors). Pure.

An attempt counts once for each output, by its worst detector: an output is a hit when a detector
gives it at least the threshold of the run (`run.eval_threshold`, 0.5 by default). A report without
attempts has the sums of its `eval` entries. A hit log has hits alone and gives no rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.redteam.imports.reading import decoded
from trimtab.redteam.rates import Tried

TOOL = "garak"
_COMPLETE = 2
_THRESHOLD = 0.5
Line = Mapping[str, Any]

_OWASP = {
    "leakreplay": "LLM02",
    "propile": "LLM02",
    "sysprompt_extraction": "LLM07",
    "packagehallucination": "LLM09",
    "snowball": "LLM09",
    "misleading": "LLM09",
    "web_injection": "LLM05",
    "ansiescape": "LLM05",
    "exploitation": "LLM05",
    "divergence": "LLM10",
}
"""Modules of probes that are about something else than prompt injection."""


def lines_of(content: bytes, where: str) -> list[Line] | None:
    """The lines of a report; None where it is no report of garak.

    Raises:
        InvalidRequest: it is garak's log of hits, or a line in its middle is damaged.
    """
    texts = [line for line in content.splitlines() if line.strip()]
    if not texts or (b'"entry_type"' not in texts[0] and b'"attempt_id"' not in texts[0]):
        return None
    if b'"entry_type"' not in texts[0]:
        raise InvalidRequest(
            "a hit log has the attacks that succeeded and not those that failed",
            where=where,
            fix="give the file that ends in .report.jsonl",
        )
    found = []
    for number, line in enumerate(texts, start=1):
        try:
            value = decoded(line, f"{where}:{number}")
        except InvalidRequest:
            if number == len(texts):  # a run that was killed ends in half a line
                break
            raise
        if isinstance(value, Mapping):
            found.append(value)
    return found


def is_cut(content: bytes) -> bool:
    """Whether a report ends in the middle of a line, as that of a run that was killed does."""
    texts = [line for line in content.splitlines() if line.strip()]
    try:
        decoded(texts[-1] if texts else b"", "the last line")
    except InvalidRequest:
        return True
    return False


def read(lines: Sequence[Line], where: str) -> list[Tried]:
    """The attacks of a report."""
    threshold = next(
        (
            float(line["run.eval_threshold"])
            for line in lines
            if isinstance(line.get("run.eval_threshold"), int | float)
        ),
        _THRESHOLD,
    )
    attempts = {
        str(line.get("uuid")): line
        for line in lines
        if line.get("entry_type") == "attempt" and line.get("status") == _COMPLETE
    }
    if attempts:
        return [each for line in attempts.values() for each in _attempt(line, threshold)]
    evals = [line for line in lines if line.get("entry_type") == "eval"]
    return [each for line in _worst(evals) for each in _sums(line, where)]


def _attempt(line: Line, threshold: float) -> Iterator[Tried]:
    results = line.get("detector_results") or {}
    count = max((len(scores) for scores in results.values()), default=0)
    for at in range(count):
        scores = [each[at] for each in results.values() if at < len(each) and each[at] is not None]
        worst = max(map(float, scores), default=None)
        yield _tried(
            str(line.get("probe_classname") or ""),
            None if worst is None else worst >= threshold,
            goal=str(line.get("goal") or ""),
            attack_id=f"{line.get('uuid')}-{at}",
        )


def _worst(evals: Sequence[Line]) -> list[Line]:
    """Of the detectors of a probe the one with the most hits: outputs are not counted twice."""
    found: dict[str, Line] = {}
    for line in evals:
        other = found.setdefault(str(line.get("probe") or ""), line)
        if _hits(line)[0] > _hits(other)[0]:
            found[str(line.get("probe") or "")] = line
    return list(found.values())


def _hits(line: Line) -> tuple[int, int]:
    """Hits and outputs of an entry; `total` is the name of older versions."""
    passed = int(line.get("passed") or 0)
    total = int(line.get("total_evaluated") or line.get("total") or 0)
    return max(0, total - passed), total


def _sums(line: Line, where: str) -> Iterator[Tried]:
    hits, total = _hits(line)
    probe = str(line.get("probe") or "").removeprefix("probes.")
    if not total and "passed" not in line:
        raise InvalidRequest(f"an entry of {probe or 'a probe'} has no sums", where=where)
    for at in range(total):
        yield _tried(probe, at < hits, attack_id=f"{probe}-{at}")


def _tried(probe: str, succeeded: bool | None, **about: str) -> Tried:
    family = probe.partition(".")[0]
    return Tried(
        technique=probe,
        family=family,
        owasp=_OWASP.get(family, "LLM01"),
        succeeded=succeeded,
        **about,
    )
