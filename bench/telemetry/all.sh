#!/bin/sh
# Every table of bench/results/telemetry.md, each below the command that printed it; about an hour.
#
#     sh bench/telemetry/all.sh [PYTHON]
set -eu

python=${1:-python}

table() {
  echo "\`python bench/telemetry/run.py $*\`"
  echo
  "$python" bench/telemetry/run.py "$@"
  echo
}

table --systems trimtab,mlflow,phoenix --spans 20480 --parts queries,together
table --systems trimtab,mlflow,phoenix --spans 4096 --parts kill --kill-spans 10240
table --systems trimtab --spans 20480 --parts one-trace
table --systems trimtab --grow 102400,204800,1024000,10240000 --fed 1024000
