#!/usr/bin/env bash
# Compiles the shaders for AMD GPUs that are not there, with Mesa 25 from Debian 13, and fails if one exceeds the limits of
# benches/isa/limits.rs. Options: see benches/isa/main.rs. Where Mesa cannot be had it prints SKIPPED, and fails only with
# HUSHVEC_REQUIRE_ISA=1.
set -euo pipefail
cd "$(dirname "$0")/../.."
status=0
benches/isa/mesa.sh || status=$?
if [ "$status" = 3 ]; then
  [ "${HUSHVEC_REQUIRE_ISA:-0}" != 1 ]
  exit
fi
[ "$status" = 0 ] || exit "$status"
# The tests' profile, and the features that they are built with: .ci/run has built it so.
cargo test --quiet --workspace --features hushvec-client/aws-kms --bench isa -- "$@"
