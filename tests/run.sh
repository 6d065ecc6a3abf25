#!/usr/bin/env bash
# Runs the whole test suite. Arguments are passed to cargo test. On Debian, if permitted, it installs missing requirements:
# a software Vulkan driver if there is no GPU, python3-venv, strace, and valgrind. valgrind is for
#   cargo test --release -p hushvec --lib constant_time
# which is not part of this suite, because it checks release code.
#   HUSHVEC_REQUIRE_GPU=1       fail instead of skipping tests without a GPU, not even a software one
#   HUSHVEC_REQUIRE_SDK=1       fail instead of skipping tests if XTrace's SDK cannot be installed from PyPI
#   HUSHVEC_REQUIRE_VALGRIND=1  fail instead of skipping tests without valgrind
#   HUSHVEC_REQUIRE_STRACE=1    fail instead of skipping tests without strace
#   HUSHVEC_LONG_TESTS=1        run longer variants
set -euo pipefail
cd "$(dirname "$0")/.."

# Some drivers print warnings without this folder.
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$(mktemp -d)}

. tests/install.sh

# Builds the same binary that the tests use: built alone, the command line would get other features of its dependencies.
cargo test --workspace --features hushvec-cli/full --no-run "$@"
# Tests on OpenGL, which many machines without a GPU have, take many times as long as on a software Vulkan driver.
if ! target/debug/hushvec devices --json | grep -qE '"api":"(Vulkan|Metal|Dx12)"'; then
  install mesa-vulkan-drivers libvulkan1 libegl1 libgl1-mesa-dri ||
    echo "cannot install a Vulkan driver: tests on GPUs will be skipped" >&2
fi

cargo test --workspace --features hushvec-cli/full "$@"
