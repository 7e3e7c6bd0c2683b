"""Who judges: models of the gateway, at a pace of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trimtab.errors import ConfigError
from trimtab.experiments.pace import Pace, PacedChat
from trimtab.experiments.suite import JudgeRef
from trimtab.ports import Chat
from trimtab.scorers.judges.asking import ChatJudge, TimedChat
from trimtab.scorers.judges.jury import Jury


def jury_of(
    chat: Chat,
    models: Sequence[str],
    reference: JudgeRef | None,
    pace: Pace,
    behind: Mapping[str, str] | None = None,
) -> Jury:
    """The jury of these models, asked as a suite says.

    Args:
        behind: what a model's name resolved to, where that is not the name itself.

    Raises:
        ConfigError: a model is named twice, whose votes would be one vote.
    """
    settings = reference or JudgeRef(model=models[0])
    if len(set(models)) < len(models):
        raise ConfigError(
            "a model is on the panel twice",
            where="judge.model",
            fix="name each model once; `repeats` asks it more often",
        )
    # Below the pace, so that waiting for one's turn is no part of how long a call takes.
    paced = PacedChat(TimedChat(chat=chat, timeout_s=settings.timeout_s), pace)
    judges = [
        ChatJudge(
            chat=paced,
            target=model,
            parameters=dict(settings.parameters),
            behind=(behind or {}).get(model, ""),
        )
        for model in models
    ]
    return Jury(tuple(judges), settings.repeats)
