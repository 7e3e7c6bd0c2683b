"""A run to Weights & Biases, with its own client, offline: nothing leaves this machine.

`wandb sync FOLDER` sends it when somebody wants that.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trimtab.errors import MissingExtra
from trimtab.experiments.exchange.table import Row
from trimtab.kit import jsonx
from trimtab.records import Run


def export(run: Run, table: Sequence[Row], *, folder: Path, project: str) -> Path:
    """Write a run as an offline run of W&B; returns the folder to sync.

    Raises:
        MissingExtra: the client is not installed.
    """
    try:
        import wandb
    except ImportError:
        raise MissingExtra.named("wandb", needed_for="exports to Weights & Biases") from None
    folder.mkdir(parents=True, exist_ok=True)
    made = wandb.init(
        project=project,
        name=run.name,
        id=run.run_id.replace("/", "-"),
        dir=str(folder),
        mode="offline",
        config=_config(run),
        settings=wandb.Settings(silent=True),
    )
    made.log(_metrics(run))
    names = list(table[0]) if table else []
    data = [[_plain(row[name]) for name in names] for row in table]
    made.log({"results": wandb.Table(columns=names, data=data, allow_mixed_types=True)})
    where = Path(made.dir).parent
    made.finish(exit_code=0 if run.status == "done" else 1)
    return where


def _config(run: Run) -> dict[str, Any]:
    return {
        "dataset": run.dataset,
        "dataset_digest": run.dataset_digest,
        "task": run.task or run.release,
        "seed": run.seed,
        "repeats": run.repeats,
        "commit": run.commit,
        "verdict": None if run.verdict is None else run.verdict.outcome,
        **run.variant,
    }


def _metrics(run: Run) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, own in run.metrics.items():
        parts = {"": own.value, "_low": own.low, "_high": own.high, "_coverage": own.coverage}
        found |= {f"{name}{end}": value for end, value in parts.items() if value is not None}
    return found


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float) else _text(value)


def _text(value: Any) -> str:
    return jsonx.encode(value).decode()
