#!/usr/bin/env bash
# Runs the whole test suite. Arguments go to cargo test. Installs, on Debian and where it may, what the suite needs and
# does not find: a software Vulkan driver if there is no GPU, python3-venv, strace, and valgrind, for
#   cargo test --release -p hushvec --lib constant_time
# which is not among these tests, since it checks what the compiler makes of a release.
#   HUSHVEC_REQUIRE_GPU=1    fail instead of skipping where there is no GPU, not even a software one
#   HUSHVEC_REQUIRE_SDK=1    fail instead of skipping where XTrace's SDK cannot be installed from PyPI
#   HUSHVEC_REQUIRE_VALGRIND=1  fail instead of skipping where there is no valgrind
#   HUSHVEC_REQUIRE_STRACE=1  fail instead of skipping where there is no strace
#   HUSHVEC_LONG_TESTS=1     longer variants
set -euo pipefail
cd "$(dirname "$0")/.."

# A quiet place for drivers that look for one.
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$(mktemp -d)}

. tests/install.sh

# What the tests run, and no other: built for itself the command line takes other features of what it is made of.
cargo test --workspace --features hushvec-cli/full --no-run "$@"
# OpenGL alone, which many machines without a GPU have, takes the tests many times as long.
if ! target/debug/hushvec devices --json | grep -qE '"api":"(Vulkan|Metal|Dx12)"'; then
  install mesa-vulkan-drivers libvulkan1 libegl1 libgl1-mesa-dri ||
    echo "no Vulkan driver can be installed: tests on GPUs will be skipped" >&2
fi

cargo test --workspace --features hushvec-cli/full "$@"
