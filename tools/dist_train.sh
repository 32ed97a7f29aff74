#!/usr/bin/env bash
# mmtransfer/tools/dist_train.sh from a checkout.
exec bash "$(dirname "$0")/../mmtransfer/tools/dist_train.sh" "$@"
