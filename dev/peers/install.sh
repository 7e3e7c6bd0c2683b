#!/bin/sh
# Installs the systems that bench/telemetry compares with, each in a virtual environment of its own.
#
#     sh dev/peers/install.sh [DIRECTORY]      (default .peers/ in the checkout; about 1.7 GB)
#
# Every distribution is pinned and nothing is resolved, so nothing heavy (torch) can slip in.
# Does nothing for a peer whose pins have not changed since it was installed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
peers=${1:-$here/../../.peers}
mkdir -p "$peers"
echo '*' > "$peers/.gitignore"

for pins in "$here"/*.txt; do
  venv=$peers/$(basename "$pins" .txt)
  cmp -s "$pins" "$venv/.installed" && continue
  echo "installing $venv" >&2
  test -x "$venv/bin/python" || "${PYTHON:-python3}" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$pins"
  "$venv/bin/python" -m pip check
  cp "$pins" "$venv/.installed"
done
