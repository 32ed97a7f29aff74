#!/usr/bin/env bash
# mmtransfer/tools/slurm_train.sh from a checkout.
exec bash "$(dirname "$0")/../mmtransfer/tools/slurm_train.sh" "$@"
