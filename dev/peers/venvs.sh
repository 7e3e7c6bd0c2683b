#!/bin/sh
# Makes a virtual environment in DIRECTORY for each requirements file in PINS.
#
#     sh dev/peers/venvs.sh PINS DIRECTORY
#
# Every distribution is pinned and nothing is resolved. Does nothing for pins that have not changed
# since they were installed.
set -eu

pinned=$1
peers=$2
mkdir -p "$peers"
echo '*' > "$peers/.gitignore"

for pins in "$pinned"/*.txt; do
  venv=$peers/$(basename "$pins" .txt)
  cmp -s "$pins" "$venv/.installed" && continue
  echo "installing $venv" >&2
  test -x "$venv/bin/python" || "${PYTHON:-python3}" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$pins"
  "$venv/bin/python" -m pip check
  cp "$pins" "$venv/.installed"
done
