"""Who judges, and how often: a jury equips a scorer, which then asks all of them as one.

One judge, asked once, is the plain scorer. Repeats are averaged within a case, and the panel's
judges then vote: k judgements of one case are one case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trimtab.ports import Judge, Scorer
from trimtab.scorers.definition import FunctionScorer
from trimtab.scorers.judges.panel import Panel
from trimtab.scorers.judges.repeated import Repeated
from trimtab.scorers.judges.sampling import Sampled


@dataclass(frozen=True)
class Jury:
    """One or several judges, each asked `repeats` times.

    Args:
        judges: at least one; with several, an odd number cannot be evenly divided.
    """

    judges: tuple[Judge, ...]
    repeats: int = 1

    @property
    def models(self) -> tuple[str, ...]:
        """The models that judge, as `provider/model`."""
        return tuple(judge.model.partition(" ")[0] for judge in self.judges)

    def equip(self, scorer: FunctionScorer[..., Any], **resources: Any) -> Scorer:
        """The scorer with this jury as its judge; it must take one."""
        voters = [self._repeated(scorer, judge, resources) for judge in self.judges]
        return voters[0] if len(voters) == 1 else Panel.of(voters, self.models)

    def _repeated(
        self, scorer: FunctionScorer[..., Any], judge: Judge, resources: dict[str, Any]
    ) -> Scorer:
        if self.repeats == 1:
            return scorer.using(judge=judge, **resources)
        return Repeated.of(
            [
                scorer.using(judge=Sampled(judge, sample), **resources)
                for sample in range(self.repeats)
            ]
        )


def models_of(scorer: Scorer) -> tuple[str, ...]:
    """The models that judge in a scorer, as `provider/model`; none where no model does."""
    if isinstance(scorer, Panel):
        return scorer.models
    plain = scorer.scorers[0] if isinstance(scorer, Repeated) else scorer
    judge = getattr(plain, "resources", {}).get("judge")
    return () if judge is None else (judge.model.partition(" ")[0],)
