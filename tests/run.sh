#!/usr/bin/env bash
# Runs the whole test suite. Arguments go to cargo test.
#   HUSHVEC_REQUIRE_SDK=1    fail instead of skipping where XTrace's SDK cannot be installed from PyPI
#   HUSHVEC_LONG_TESTS=1     longer variants
set -euo pipefail
cd "$(dirname "$0")/.."

# The exchange with XTrace's SDK wants a Python that can make virtual environments.
if ! python3 -c 'import venv, ensurepip' 2>/dev/null && command -v apt-get >/dev/null; then
  as_root=$([ "$(id -u)" = 0 ] || echo sudo)
  echo "installing python3-venv" >&2
  $as_root apt-get install -y -q python3-venv >/dev/null 2>&1 ||
    { $as_root apt-get update -q && $as_root apt-get install -y -q python3-venv; } >/dev/null 2>&1 ||
    echo "could not install python3-venv; the exchange with XTrace's SDK will be skipped" >&2
fi

cargo test --workspace "$@"
