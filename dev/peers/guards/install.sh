#!/bin/sh
# Installs the tools that bench/guards compares with: a virtual environment for each requirements
# file beside this script.
#
#     sh dev/peers/guards/install.sh [DIRECTORY]     (default .peers/guards in the checkout; 0.4 GB)
#
# Every distribution is pinned and nothing is resolved. Does nothing for a tool whose pins have not
# changed since it was installed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
peers=${1:-$here/../../../.peers/guards}
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
