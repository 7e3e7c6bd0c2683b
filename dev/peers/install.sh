#!/bin/sh
# Installs the systems that bench/telemetry and bench/gateway compare with, each in a directory of
# its own: a virtual environment for each requirements file beside this script, PORTKEY from
# portkey/package-lock.json (needs Node's npm), and nginx from Debian's packages.
#
#     sh dev/peers/install.sh [DIRECTORY]      (default .peers/ in the checkout; about 3 GB)
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

# Its newer releases of @hono/node-server answer every stream with 500, so package.json holds it at 1.13.5.
if ! cmp -s "$here/portkey/package-lock.json" "$peers/portkey/.installed"; then
  echo "installing $peers/portkey" >&2
  mkdir -p "$peers/portkey"
  cp "$here/portkey/package.json" "$here/portkey/package-lock.json" "$peers/portkey"
  npm ci --prefix "$peers/portkey" --ignore-scripts --no-audit --no-fund --loglevel=error
  cp "$here/portkey/package-lock.json" "$peers/portkey/.installed"
fi

if ! command -v nginx >/dev/null 2>&1 && ! test -x /usr/sbin/nginx; then
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo"
  # The package must not start a server of its own.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
    $sudo chmod +x "$policy"
    trap '$sudo rm -f "$policy"' EXIT
  fi
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends nginx-light
fi
