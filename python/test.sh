#!/usr/bin/env bash
# Builds the wheel, installs it in an environment of its own and runs its tests.
set -euo pipefail
cd "$(dirname "$0")"
venv=${HUSHVEC_PYTHON_VENV:-../target/tmp/python-venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet 'maturin>=1.9.4,<2' 'numpy>=1.26' 'pytest>=8' tqdm 'xtrace-ai-sdk==0.1.1'
rm -rf ../target/wheels
PATH="$(realpath "$venv")/bin:$PATH" "$venv/bin/maturin" build --quiet --release
"$venv/bin/pip" install --quiet --force-reinstall --no-deps ../target/wheels/hushvec-*.whl
# From there, so that the package is the one that was installed.
python=$(realpath -s "$venv")/bin/python
cd tests
"$python" -m pytest -q . "$@"
