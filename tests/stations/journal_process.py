"""A process that writes results to a journal until it is killed; it says how many are written."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.stations.journals import a_run, result

from trimtab.experiments.journal import Journal


def main() -> None:
    journal = Journal.begin(Path(sys.argv[1]), a_run())
    number = 0
    while True:
        journal.finished(result(number))
        number += 1
        if number % 100 == 0:
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
