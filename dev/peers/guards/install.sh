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
sh "$here/../venvs.sh" "$here" "$peers"
