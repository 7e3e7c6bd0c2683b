"""What a job would do and could show, before it does anything: a line each."""

from __future__ import annotations

from trimtab.kit.clock import SystemClock
from trimtab.optimiser.budget import Budget
from trimtab.optimiser.holding import Held
from trimtab.optimiser.options import Options
from trimtab.optimiser.prepare import Ready
from trimtab.optimiser.splits import detectable


async def forecast(ready: Ready, options: Options) -> str:
    """The job in words; nothing is asked of a model.

    Raises:
        InvalidRequest: the budget does not suffice for anything.
    """
    budget = Budget(options.caps, SystemClock())
    held = Held(ready, budget)
    await held.begin()
    job, counts = ready.job, ready.splits.counts
    splits = ", ".join(f"{name} {count}" for name, count in counts.items())
    others = [f"{goal.metric} (may lose {goal.margin:g})" for goal in job.goals[1:]]
    beside = f"; not worse: {', '.join(others)}" if others else ""
    aside = f"up to {held.calls} calls"
    if options.caps.usd is not None:
        aside = f"{aside}, ${2 * await held.worst(ready.baseline):.4f}"
    shown = detectable(counts["test"])
    shows = "nothing" if shown is None else f"a gain of {100 * shown:.0f} points"
    return (
        f"{job.prompt}: {job.algo} with {job.model} over {job.dataset}\n"
        f"  better:      {job.goals[0].metric}{beside}\n"
        f"  rows:        {splits} ({ready.splits.words})\n"
        f"  budget:      {options.caps.text}; {aside} of it for the test split\n"
        f"  detectable:  {shows} of a pass rate with 80 % power, if 30 % of the answers change\n"
        f"  job:         {job.id}"
    )
