#!/usr/bin/env bash
# Builds the wheel, installs it in a virtual environment and runs its tests.
#   HUSHVEC_PYTHON       the interpreter (default: python3)
#   HUSHVEC_PYTHON_VENV  the virtual environment (default: target/tmp/python-venv)
set -euo pipefail
cd "$(dirname "$0")"
# GPU drivers write errors if this folder does not exist.
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$(mktemp -d)}
venv=${HUSHVEC_PYTHON_VENV:-../target/tmp/python-venv}
[ -x "$venv/bin/python" ] || "${HUSHVEC_PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet 'maturin>=1.9.4,<2'
rm -rf ../target/wheels
PATH="$(realpath "$venv")/bin:$PATH" "$venv/bin/maturin" build --quiet --release
wheel=$(echo ../target/wheels/hushvec-*.whl)
"$venv/bin/pip" install --quiet --force-reinstall --no-deps "$wheel"
"$venv/bin/pip" install --quiet "$wheel[test]"
# The Rust example for AWS KMS, which tests/test_kms.py runs. Built with the whole workspace, to reuse the library that other
# tests have built.
cargo build --quiet --workspace --features hushvec-client/aws-kms,hushvec-cli/full --example aws_kms
# Run in tests/, so that Python imports the installed package.
python=$(realpath -s "$venv")/bin/python
cd tests
"$python" -m mypy --strict --disable-error-code import-untyped --package hushvec
"$python" -m mypy.stubtest hushvec._hushvec
"$python" -m pytest -q . "$@"
for example in text_search from_the_sdk cpu_and_gpu; do
  "$python" "../examples/$example.py"
done
