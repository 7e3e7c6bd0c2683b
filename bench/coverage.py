"""How often 95 % intervals hold the truth, and what the tests see and cry wolf about.

    python bench/coverage.py [DRAWS]

Simulates every interval of trimtab.measures at n = 20, 50, 100 and 300 (n cases; for PPI++ n labels
beside a thousand cases without, 30 at least), with fixed seeds. DRAWS per cell, 2,000 by default,
leave each share uncertain by half a point. Then the sequences, over all looks, and the paired test.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.measures.sequences import SEQUENCES, ever_missed
from tests.measures.simulations import LABELLED, SIZES, TRIALS, held

from trimtab.measures.power import discordance, mcnemar_power, unpaired_power


def intervals(draws: int) -> None:
    print("| interval | " + " | ".join(f"n = {n}" for n in SIZES) + " |")
    print("|---" * (len(SIZES) + 1) + "|")
    for name, trial in TRIALS.items():
        sizes = [max(n, 30) if name in LABELLED else n for n in SIZES]
        shares = [held(trial, n, draws=draws) for n in sizes]
        marks = [f"{share:.3f}" + ("" if 0.93 <= share <= 0.97 else " *") for share in shares]
        print(f"| {name} | " + " | ".join(marks) + " |", flush=True)
    print("\n`*`: outside 93 to 97 %.\n")


def sequences(draws: int) -> None:
    print("| sequence, looked at 40 times | held at every look | width at the end, × fixed-n |")
    print("|---|---|---|")
    for name, sequence in SEQUENCES.items():
        found = ever_missed(sequence, draws=draws)
        print(f"| {name} | {1 - found.missed:.3f} | {found.relative_width:.2f} |", flush=True)
    print()


def tests() -> None:
    print("Not simulated but enumerated (the unpaired one by the normal formula):\n")
    print("| paired pass/fail, exact McNemar at .05 | n = 100 | n = 300 | n = 1000 |")
    print("|---|---|---|---|")
    sizes = (100, 300, 1_000)
    even = [mcnemar_power(n, worse=0.065, better=0.065) for n in sizes]
    print("| false alarms, 13 % change | " + " | ".join(f"{p:.3f}" for p in even) + " |")
    for correlation in (0.5, 0.6, 0.65, 0.7):
        worse, better = discordance(0.80, 0.75, correlation)
        seen = [mcnemar_power(n, worse=worse, better=better) for n in sizes]
        shares = f"{worse:.0%} lost, {better:.0%} gained"
        line = " | ".join(f"{p:.2f}" for p in seen)
        print(f"| .80 to .75 seen, correlation {correlation} ({shares}) | {line} |")
    unpaired = [unpaired_power(n, n, first=0.80, second=0.75) for n in sizes]
    print("| the same on different cases | " + " | ".join(f"{p:.2f}" for p in unpaired) + " |")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    intervals(count)
    sequences(max(100, count // 5))
    tests()
