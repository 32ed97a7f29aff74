#!/usr/bin/env bash
# Run benchmarks/gpu.py where a GPU is. Usage: bash benchmarks/gpu.sh [--cpu | --collect]
#
# PYTHON (by default .venv's, then python3) must have torch for the GPU. Where it lacks the toolboxes,
# they go into .venv-gpu beside that torch: from the folder WHEELS (by default wheels/) if it is there,
# for machines that reach no registry, else from the registry. MMCV is compiled there, with operators
# for the CPU alone (FORCE_CUDA=1 TORCH_CUDA_ARCH_LIST=9.0 builds those for the GPU, if its CUDA is one
# that MMCV knows). --collect fills WHEELS, on a machine that reaches a registry, for Python
# PYTHON_VERSION (3.12).
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
command -v "$python" >/dev/null || python=python3
wheels=${WHEELS:-wheels}
pure=(mmengine mmdet mmsegmentation mmpose addict termcolor yapf platformdirs terminaltables
  prettytable wcwidth munkres json-tricks ftfy tqdm six rich markdown-it-py mdurl pygments pytest
  iniconfig pluggy hypothesis sortedcontainers)
compiled=(numpy opencv-python pycocotools shapely scipy regex matplotlib contourpy cycler fonttools
  kiwisolver packaging pillow pyparsing python-dateutil pyyaml cython ninja)
sources=(mmcv xtcocotools) # compiled on the spot
export PIP_DISABLE_PIP_VERSION_CHECK=1

if [ "${1:-}" = --collect ]; then
  constraints=(-c requirements/constraints.txt -c requirements/upstream.txt)
  "$python" -m pip download -q --no-deps --dest "$wheels" --only-binary=:all: \
    --python-version "${PYTHON_VERSION:-3.12}" --platform manylinux2014_x86_64 \
    --platform manylinux_2_28_x86_64 "${constraints[@]}" \
    'setuptools<81' wheel "${pure[@]}" "${compiled[@]}"
  "$python" -m pip download -q --no-deps --no-build-isolation --no-binary=:all: --dest "$wheels" \
    "${constraints[@]}" "${sources[@]}"
  echo "$wheels: $(ls "$wheels" | wc -l) packages, $(du -sh "$wheels" | cut -f1)"
  exit
fi

if ! "$python" -c 'import torch, mmcv.ops, mmdet, mmseg, mmpose, pytest, hypothesis' 2>/dev/null; then
  "$python" -c 'import torch' || {
    echo "error: $python has no torch; set PYTHON to one that has it, built for the GPU" >&2
    exit 1
  }
  "$python" -m venv --system-site-packages .venv-gpu
  python=.venv-gpu/bin/python
  from=()
  [ -d "$wheels" ] && from=(--no-index --find-links "$wheels")
  install() { "$python" -m pip install -q --no-deps "${from[@]}" "$@"; }
  install 'setuptools<81' wheel "${pure[@]}" "${compiled[@]}"
  CUDA_VISIBLE_DEVICES=${FORCE_CUDA:+0} MMCV_WITH_OPS=1 FORCE_CUDA=${FORCE_CUDA:-0} \
    MAX_JOBS=$(nproc) install --no-build-isolation "${sources[@]}"
fi
PYTHONWARNINGS='ignore:pkg_resources is deprecated' exec "$python" benchmarks/gpu.py "$@"
