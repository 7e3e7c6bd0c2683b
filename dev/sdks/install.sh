#!/bin/sh
# Builds the isolated environments of other people's SDKs that tests/compat runs, one for each
# requirements file beside this script: DIRECTORY/otel, DIRECTORY/opik and so on (default .sdks).
# An environment whose pins have not changed is left alone.
#
#     sh dev/sdks/install.sh [DIRECTORY] [NAME...]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
directory=${1:-.sdks}
[ "$#" = 0 ] || shift
[ "$#" != 0 ] || set -- $(cd "$here" && ls ./*.txt | sed 's|^\./||; s|\.txt$||')

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

mkdir -p "$directory"
building=""
for name in "$@"; do
  build "$name" &
  building="$building $!"
done
failed=0
for child in $building; do
  wait "$child" || failed=1
done
exit "$failed"
