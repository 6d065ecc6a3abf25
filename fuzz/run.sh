#!/usr/bin/env bash
# Fuzzes every target, or the given ones, for HUSHVEC_FUZZ_SECONDS seconds each (default 20), in at most 256 MiB. Needs no
# nightly compiler, because the passes that libFuzzer needs are part of LLVM. `cargo fuzz run TARGET` works too, and adds
# sanitizers.
set -euo pipefail
cd "$(dirname "$0")"
passes='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters'
passes+=' -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares'
targets=("$@")
[ $# -gt 0 ] || for file in fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
# With an explicit --target, build scripts are compiled without these flags.
host=$(rustc -vV | sed -n 's/^host: //p')
features=()
[[ " ${targets[*]} " != *' inputs '* ]] || features=(--features inputs)
RUSTFLAGS="--cfg fuzzing $passes" cargo build --quiet --release --target "$host" "${features[@]}" "${targets[@]/#/--bin=}"

for target in "${targets[@]}"; do
  mkdir -p "target/found/$target" "artifacts/$target"
  echo "== $target"
  # Queries of packed search have 27 kB, responses 33 kB.
  longest=20000
  [ "$target" != packed ] || longest=40000
  target/"$host"/release/"$target" "target/found/$target" "corpus/$target" -artifact_prefix="artifacts/$target/" \
    -max_total_time="${HUSHVEC_FUZZ_SECONDS:-20}" -rss_limit_mb=256 -malloc_limit_mb=256 -timeout=10 -max_len=$longest \
    -print_final_stats=1 2>&1 | grep -E '^(stat::|SUMMARY|artifact|==|thread|.*panicked|.*ERROR)' || true
  # The pipe hides libFuzzer's exit status, so this checks for artifacts instead.
  [ -z "$(ls -A "artifacts/$target")" ] || { echo "$target: see fuzz/artifacts/$target"; exit 1; }
done
