#!/usr/bin/env bash
# Fuzzes every target, or those named, for HUSHVEC_FUZZ_SECONDS each (20), in at most 256 MiB. Needs no nightly compiler:
# the passes that libFuzzer wants are LLVM's own. `cargo fuzz run TARGET` works too, and adds sanitizers.
set -euo pipefail
cd "$(dirname "$0")"
passes='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters'
passes+=' -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares'
targets=("$@")
[ $# -gt 0 ] || for file in fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
# With a target named, build scripts are not compiled so.
host=$(rustc -vV | sed -n 's/^host: //p')
features=()
[[ " ${targets[*]} " != *' inputs '* ]] || features=(--features inputs)
RUSTFLAGS="--cfg fuzzing $passes" cargo build --quiet --release --target "$host" "${features[@]}" "${targets[@]/#/--bin=}"

for target in "${targets[@]}"; do
  mkdir -p "target/found/$target" "artifacts/$target"
  echo "== $target"
  target/"$host"/release/"$target" "target/found/$target" "corpus/$target" -artifact_prefix="artifacts/$target/" \
    -max_total_time="${HUSHVEC_FUZZ_SECONDS:-20}" -rss_limit_mb=256 -malloc_limit_mb=256 -timeout=10 -max_len=20000 \
    -print_final_stats=1 2>&1 | grep -E '^(stat::|SUMMARY|artifact|==|thread|.*panicked|.*ERROR)' || true
  # libFuzzer's status is lost in the pipe: what it leaves is what counts.
  [ -z "$(ls -A "artifacts/$target")" ] || { echo "$target: see fuzz/artifacts/$target"; exit 1; }
done
