#!/usr/bin/env bash
# Create .venv and install the pinned stack. A second call installs nothing, unless what it installs
# has changed. Usage: bash tools/install.sh [VENV]
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
python=${PYTHON:-python3.11}
command -v "$python" >/dev/null || python=python3
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || {
  echo "error: Python 3.11 is needed, found $("$python" --version); set PYTHON=/path/to/python3.11" >&2
  exit 1
}
stamp=$(cat requirements/*.txt setup.py tools/install.sh | sha256sum | cut -c1-16)
if [ "$(cat "$venv/.installed" 2>/dev/null)" = "$stamp" ]; then
  exit 0
fi
command -v c++ >/dev/null || {
  echo 'error: a C++ compiler is needed to build mmcv (Debian: apt-get install g++)' >&2
  exit 1
}
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv "$venv" || {
  echo 'error: no environment could be made (Debian: apt-get install python3.11-venv)' >&2
  exit 1
}
export PIP_CONSTRAINT="$PWD/requirements/constraints.txt" PIP_DISABLE_PIP_VERSION_CHECK=1
pip() { "$venv/bin/python" -m pip "$@"; }
say() { echo "[$(date +%H:%M:%S)] $*"; }

say 'build tools and numpy'
pip install -q 'setuptools<81' wheel ninja numpy cython
say 'torch'
pip install -q torch
pip install -q mmengine
say 'mmcv, built from its source package: about 10 minutes the first time'
MMCV_WITH_OPS=1 FORCE_CUDA=${FORCE_CUDA:-0} MAX_JOBS=${MAX_JOBS:-$(nproc)} \
  pip install -q --no-build-isolation --no-deps mmcv
say 'mmdet, mmsegmentation, mmpose and what they need'
pip install -q -r requirements/run.txt
pip install -q --no-deps mmpose # its metadata asks for chumpy and torchvision, which nothing here uses
say 'tests and checks'
pip install -q -r requirements/develop.txt
pip install -q --no-deps --no-build-isolation -e .
echo "$stamp" >"$venv/.installed"
say "installed in $venv"
