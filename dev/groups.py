"""Prints the requirements of the development groups of pyproject.toml, for the pinning recipe."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GROUPS = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]

print(f"-c {ROOT / 'constraints.txt'}")
for group in ("test", "check", "dev"):
    for requirement in GROUPS[group]:
        if isinstance(requirement, str):
            print(requirement)
