"""What the words of a prompt say: several jobs at once, answers that cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from trimtab.measures.text import sentences
from trimtab.prompts.lint.finding import Finding, Part
from trimtab.prompts.slots import without_tags
from trimtab.records import Prompt

_MANY = 4
_JOBS = re.compile(
    r"^(?:then |also |finally |next |after that,? |please |and )*"
    r"(summari[sz]e|translate|classify|extract|rewrite|rephrase|proofread|rank|score|rate|compare|"
    r"generate|draft|compose|calculate|estimate|detect|identify|label|outline|brainstorm|plan|"
    r"review|critique|convert|categori[sz]e|recommend|predict|moderate|paraphrase)\b",
    re.IGNORECASE,
)
_OTHER_SHAPES = re.compile(
    r"\b(?:(?:answer|respond|reply|output|return|write)\w*\b[^.\n]{0,40}?\b(?:in|as|with|only)\b"
    r"[^.\n]{0,20}?\b(plain text|markdown|prose|xml|yaml|csv|html|one word|a single word)\b"
    r"|(no|not|never|without) (?:any )?json\b|(bullet points|bulleted list|markdown table))",
    re.IGNORECASE,
)
_JSON = re.compile(
    r"\b(?:answer|respond|reply|output|return|write)\w*\b[^.\n]{0,40}\bjson\b", re.IGNORECASE
)


def about_jobs(parts: Sequence[Part]) -> Iterator[Finding]:
    """Several jobs in one prompt, by the verbs that its sentences begin with."""
    jobs: dict[str, None] = {}
    for part in parts:
        for sentence in sentences(without_tags(part.text)):
            if job := _JOBS.match(sentence):
                jobs[job[1].lower().replace("ise", "ize")] = None
    if len(jobs) >= _MANY:
        yield Finding(
            code="many_jobs",
            severity="hint",
            message=f"it seems to ask for {len(jobs)} jobs at once: {', '.join(jobs)} (guessed from"
            " the verbs that sentences begin with)",
            where="messages",
            fix="try one prompt for each, and compare them in an evaluation",
        )


def about_output(prompt: Prompt, parts: Sequence[Part]) -> Iterator[Finding]:
    for part in parts:
        if prompt.output_schema is None:
            if (asked := _JSON.search(part.text)) and "response_format" not in prompt.parameters:
                yield Finding(
                    code="json_without_schema",
                    severity="hint",
                    message="the words ask for JSON, and nothing holds the model to it",
                    where=part.at(part.line_of(asked.start())),
                    fix="add an output_schema",
                )
            continue
        for told in _OTHER_SHAPES.finditer(part.text):
            yield Finding(
                code="contradictory_output",
                severity="warning",
                message=f"the words ask for {_shape(told)}, and output_schema for JSON",
                where=part.at(part.line_of(told.start())),
                fix="let one of them say what the answer looks like",
            )


def _shape(told: re.Match[str]) -> str:
    return (told[1] or told[3] or "anything but JSON").lower()
