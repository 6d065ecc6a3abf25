#!/usr/bin/env bash
# Compiles the shaders for AMD GPUs, without such a GPU, with Mesa 25 from Debian 13. Fails if a kernel exceeds the
# limits in benches/isa/limits.rs. Options: see benches/isa/main.rs. If Mesa cannot be downloaded, prints SKIPPED;
# with HUSHVEC_REQUIRE_ISA=1 it fails instead.
set -euo pipefail
cd "$(dirname "$0")/../.."
status=0
benches/isa/mesa.sh || status=$?
if [ "$status" = 3 ]; then
  [ "${HUSHVEC_REQUIRE_ISA:-0}" != 1 ]
  exit
fi
[ "$status" = 0 ] || exit "$status"
# The same profile and features as in .ci/run, which has already built it.
cargo test --quiet --workspace --features hushvec-client/aws-kms --bench isa -- "$@"
