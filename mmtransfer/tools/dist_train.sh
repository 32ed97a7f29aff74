#!/usr/bin/env bash
# Usage: bash tools/dist_train.sh CONFIG PROCESSES [arguments of tools/train.py]
# Several machines: NNODES, NODE_RANK, MASTER_ADDR and PORT in the environment.
set -euo pipefail
usage() { echo "$(basename "$0"): error: $1" >&2; sed -n 2p "$0" | cut -c3- >&2; exit 2; }
[ $# -ge 2 ] || usage "2 arguments are needed, $# given"
CONFIG=$1
PROCESSES=$2
[[ "$PROCESSES" =~ ^[1-9][0-9]*$ ]] || usage "PROCESSES must be a number from 1 on; received '$PROCESSES'"
[ -f "$CONFIG" ] || usage "CONFIG must be a file; there is no '$CONFIG'"
TOOLS=$(cd "$(dirname "$0")" && pwd)

PYTHONPATH="$TOOLS/../..${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-python}" "$TOOLS/_launch.py" \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" --nproc_per_node="$PROCESSES" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    "$TOOLS/train.py" "$CONFIG" --launcher pytorch "${@:3}"
