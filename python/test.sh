#!/usr/bin/env bash
# Builds the wheel, installs it in an environment of its own and runs its tests.
#   HUSHVEC_PYTHON       the interpreter (python3)
#   HUSHVEC_PYTHON_VENV  the environment
set -euo pipefail
cd "$(dirname "$0")"
# A quiet place for drivers that look for one.
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$(mktemp -d)}
venv=${HUSHVEC_PYTHON_VENV:-../target/tmp/python-venv}
[ -x "$venv/bin/python" ] || "${HUSHVEC_PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet 'maturin>=1.9.4,<2'
rm -rf ../target/wheels
PATH="$(realpath "$venv")/bin:$PATH" "$venv/bin/maturin" build --quiet --release
wheel=$(echo ../target/wheels/hushvec-*.whl)
"$venv/bin/pip" install --quiet --force-reinstall --no-deps "$wheel"
"$venv/bin/pip" install --quiet "$wheel[test]"
# What asks AWS KMS in Rust, for the tests that do so in both languages.
# Of the whole workspace, so that the library is the one that the other tests have built.
cargo build --quiet --workspace --features hushvec-client/aws-kms,hushvec-cli/full --example aws_kms
# From there, so that the package is the one that was installed.
python=$(realpath -s "$venv")/bin/python
cd tests
"$python" -m mypy --strict --disable-error-code import-untyped --package hushvec
"$python" -m mypy.stubtest hushvec._hushvec
"$python" -m pytest -q . "$@"
for example in text_search from_the_sdk cpu_and_gpu; do
  "$python" "../examples/$example.py"
done
