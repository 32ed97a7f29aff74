#!/usr/bin/env bash
# Create an environment and install the pinned stack. A second call installs nothing, unless what it
# installs has changed. Usage: bash tools/install.sh [VENV [STACK]], where STACK is upstream or fork.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
stack=${2:-upstream}
fail() {
  echo "error: $*" >&2
  exit 1
}
version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo none; }

case $stack in
  upstream | fork) ;;
  *) fail "STACK must be upstream or fork; it is '$stack'" ;;
esac
for python in "${PYTHON:-$venv/bin/python}" ${PYTHON:-python3.11 python3.12 python3}; do
  case $(version "$python") in 3.11 | 3.12) break ;; esac
done
case $(version "$python") in
  3.11 | 3.12) ;;
  *) fail "Python 3.11 or 3.12 is needed, $python is $(version "$python"); set PYTHON=/path/to/one" ;;
esac
if [ -e "$venv/bin/python" ] && [ "$(version "$venv/bin/python")" != "$(version "$python")" ]; then
  fail "$venv has Python $(version "$venv/bin/python"), not $(version "$python"): remove it first"
fi
stamp="$stack $(cat requirements/*.txt setup.py tools/install.sh | sha256sum | cut -c1-16)"
installed=$(cat "$venv/.installed" 2>/dev/null || true)
case $installed in
  "$stamp") exit 0 ;;
  "$stack "* | '') ;;
  *' '*) fail "$venv holds the stack ${installed% *}, not $stack: name another folder, or remove it" ;;
esac
command -v c++ >/dev/null ||
  fail 'a C++ compiler is needed to build mmcv (Debian: apt-get install g++)'
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv "$venv" ||
  fail 'no environment could be made (Debian: apt-get install python3-venv)'
export PIP_CONSTRAINT="requirements/constraints.txt requirements/$stack.txt"
export PIP_DISABLE_PIP_VERSION_CHECK=1
pip() { "$venv/bin/python" -m pip "$@"; }
say() { echo "[$(date +%H:%M:%S)] $*"; }

say 'build tools, NumPy and torch'
pip install -q 'setuptools<81' wheel ninja cython numpy
pip install -q torch
say 'what the toolboxes need'
pip install -q -r requirements/run.txt
# built against the NumPy that is here: the wheels are for Python 3.11 and NumPy 1 alone, and so may be
# one in pip's cache
pip install -q --no-deps --no-build-isolation --no-binary xtcocotools --no-cache-dir xtcocotools
say "the $stack stack; mmcv is built from its source package: about 10 minutes the first time"
MMCV_WITH_OPS=1 FORCE_CUDA=${FORCE_CUDA:-0} MAX_JOBS=${MAX_JOBS:-$(nproc)} \
  pip install -q --no-deps --no-build-isolation -r "requirements/$stack.txt"
say 'tests and checks'
pip install -q -r requirements/develop.txt
pip install -q --no-deps --no-build-isolation -e .
echo "$stamp" >"$venv/.installed"
say "installed in $venv"
