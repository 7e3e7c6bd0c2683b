#!/bin/sh
# Every table of bench/results/evals.md, each below the command that printed it; about half an hour.
#
#     sh bench/evals/all.sh [PYTHON]
set -eu

python=${1:-python}

for command in run.py own.py; do
  echo "\`python bench/evals/$command\`"
  echo
  "$python" "bench/evals/$command"
  echo
done
