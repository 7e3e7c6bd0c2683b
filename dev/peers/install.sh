#!/bin/sh
# Installs what bench/telemetry, bench/gateway and bench/ui compare with or measure by, each in a
# directory of its own: a virtual environment for each requirements file beside this script, Portkey
# and Lighthouse from their package-lock.json (needs Node's npm), and nginx from Debian's packages.
#
#     sh dev/peers/install.sh [DIRECTORY]      (default .peers/ in the checkout; about 3 GB)
#
# Every distribution is pinned and nothing is resolved, so nothing heavy (torch) can slip in.
# Does nothing for a peer whose pins have not changed since it was installed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
peers=${1:-$here/../../.peers}
sh "$here/venvs.sh" "$here" "$peers"

# Newer releases of Portkey's @hono/node-server answer every stream with 500, so its package.json
# holds it at 1.13.5; Lighthouse 12 is the last that runs on Node 20.
for name in portkey lighthouse; do
  cmp -s "$here/$name/package-lock.json" "$peers/$name/.installed" && continue
  echo "installing $peers/$name" >&2
  mkdir -p "$peers/$name"
  cp "$here/$name/package.json" "$here/$name/package-lock.json" "$peers/$name"
  npm ci --prefix "$peers/$name" --ignore-scripts --no-audit --no-fund --loglevel=error
  cp "$here/$name/package-lock.json" "$peers/$name/.installed"
done

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
