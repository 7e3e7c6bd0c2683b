#!/bin/sh
# Installs the tools that bench/evals compares with, each in a directory of its own: a virtual
# environment for each requirements file beside this script, promptfoo from its package-lock.json
# (needs Node's npm).
#
#     sh dev/peers/evals/install.sh [DIRECTORY]      (default .peers/evals in the checkout; about 3 GB)
#
# Every distribution is pinned and nothing is resolved. ragas 0.4.3 does not import with what a plain
# install resolves to; its pins hold langchain below 1. Does nothing for a tool whose pins have not
# changed since it was installed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
peers=${1:-$here/../../../.peers/evals}
sh "$here/../venvs.sh" "$here" "$peers"

# Its scripts would download what it does not need here. Not `npm ci`: the lock file that npm writes
# leaves out the builds of other platforms, and `npm ci` misses them.
if ! cmp -s "$here/promptfoo/package-lock.json" "$peers/promptfoo/.installed"; then
  echo "installing $peers/promptfoo" >&2
  mkdir -p "$peers/promptfoo"
  cp "$here/promptfoo/package.json" "$here/promptfoo/package-lock.json" "$peers/promptfoo"
  npm install --prefix "$peers/promptfoo" --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
  cp "$here/promptfoo/package-lock.json" "$peers/promptfoo/.installed"
fi
