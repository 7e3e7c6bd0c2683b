#!/bin/sh
# Every table of bench/results/gateway.md, and the profile beside it; about an hour and a half.
#
#     sh bench/gateway/all.sh [PYTHON]
set -eu

python=${1:-python}

$python bench/gateway/run.py --systems direct,nginx,trimtab,tensorzero,mlflow,portkey,litellm
echo
$python bench/gateway/run.py --systems nginx,trimtab --parts memory --memory-requests 1000000 --rounds 1
$python bench/gateway/run.py --systems trimtab --profile bench/results/gateway-profile.md
