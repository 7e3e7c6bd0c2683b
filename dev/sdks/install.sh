#!/bin/sh
# Builds the isolated environments of other people's SDKs that tests/compat and tests/gateway run, one
# for each requirements file beside this script: DIRECTORY/otel, DIRECTORY/opik and so on (default
# .sdks), and DIRECTORY/node from node/package-lock.json, which needs Node's npm.
# An environment whose pins have not changed is left alone.
#
#     sh dev/sdks/install.sh [DIRECTORY] [NAME...]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
directory=${1:-.sdks}
[ "$#" = 0 ] || shift
[ "$#" != 0 ] || set -- node $(cd "$here" && ls ./*.txt | sed 's|^\./||; s|\.txt$||')

build() {
  cmp -s "$here/$1.txt" "$directory/$1/.pins" && return
  echo "installing $1"
  rm -rf "${directory:?}/$1"
  "$python" -m venv --without-pip "$directory/$1"
  # The pins are complete, so there is nothing to resolve; resolving them takes pip minutes.
  "$python" -m pip --python "$directory/$1/bin/python" install --quiet --disable-pip-version-check \
    --require-hashes --no-deps --requirement "$here/$1.txt"
  cp "$here/$1.txt" "$directory/$1/.pins"
}

build_node() {
  cmp -s "$here/node/package-lock.json" "$directory/node/.pins" && return
  echo "installing node"
  rm -rf "${directory:?}/node"
  mkdir "$directory/node"
  cp "$here/node/package.json" "$here/node/package-lock.json" "$directory/node"
  npm ci --prefix "$directory/node" --ignore-scripts --no-audit --no-fund --loglevel=error
  cp "$here/node/package-lock.json" "$directory/node/.pins"
}

mkdir -p "$directory"
building=""
for name in "$@"; do
  if [ "$name" = node ]; then build_node & else build "$name" & fi
  building="$building $!"
done
failed=0
for child in $building; do
  wait "$child" || failed=1
done
exit "$failed"
