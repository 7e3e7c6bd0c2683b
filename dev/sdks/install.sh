#!/bin/sh
# Builds the isolated environments of other people's SDKs that tests/compat runs, one for each
# requirements file beside this script: DIRECTORY/otel, DIRECTORY/opik and so on (default .sdks).
# An environment whose pins have not changed is left alone.
#
#     sh dev/sdks/install.sh [DIRECTORY] [NAME...]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
directory=${1:-.sdks}
[ "$#" = 0 ] || shift
[ "$#" != 0 ] || set -- $(cd "$here" && ls ./*.txt | sed 's|^\./||; s|\.txt$||')

mkdir -p "$directory"
for name in "$@"; do
  pins=$here/$name.txt
  stamp=$directory/$name/.pins
  cmp -s "$pins" "$stamp" && continue
  echo "installing $name"
  rm -rf "${directory:?}/$name"
  "${PYTHON:-python3}" -m venv "$directory/$name"
  # The pins are complete, so there is nothing to resolve; resolving them takes pip minutes.
  "$directory/$name/bin/python" -m pip install --quiet --disable-pip-version-check \
    --require-hashes --no-deps --requirement "$pins"
  cp "$pins" "$stamp"
done
