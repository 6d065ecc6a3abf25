#!/usr/bin/env bash
# Builds GMP 6.3 twice, for comparisons:
#   target/gmp        for this CPU, which is the fair yardstick
#   target/gmp-fat    one build for all CPUs, as rug (gmp-mpfr-sys) and the wheels of Python's gmpy2 bundle it; it selects
#                     its code at startup, and selects slower code on CPUs that it does not know
# Needs cargo, a C compiler, make and m4. Keeps existing builds. Prints the paths of the libraries.
set -euo pipefail
target=$(mkdir -p "$(dirname "$0")/../target" && cd "$(dirname "$0")/../target" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The sources are part of a crate.
fetch() {
  [ -e "$work/sources" ] && return
  mkdir "$work/fetch" && cd "$work/fetch"
  printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[dependencies]\ngmp-mpfr-sys = { version = "1.7", default-features = false }\n[workspace]\n' >Cargo.toml
  : >lib.rs
  cargo vendor -q vendor >/dev/null
  mv "$(ls -d vendor/gmp-mpfr-sys*/gmp-6.*-c | head -n 1)" "$work/sources"
  cd "$work/sources" && chmod -R u+w . && find . -name 'config*' -exec chmod +x {} +
}

# The CPU that GMP's config.guess detects, or a similar one that GMP has code for.
detect_cpu() {
  local cpu
  cpu=$("$work/sources/config.guess" | cut -d- -f1)
  case $cpu in
    x86_64 | amd64)
      if grep -q AuthenticAMD /proc/cpuinfo; then cpu=zen3; else cpu=skylake; fi ;;
  esac
  echo "$cpu"
}

# build NAME DESCRIPTION OPTION...
build() {
  local out=$target/$1 description=$2
  shift 2
  mkdir "$work/build" && cd "$work/build"
  if ! { "$work/sources/configure" --enable-shared --disable-static --prefix="$out" "$@" && make -j"$(nproc)" && make install; } >"$work/log" 2>&1; then
    tail -n 20 "$work/log" >&2
    echo "cannot build GMP $description; it needs a C compiler, make and m4" >&2
    exit 1
  fi
  echo "$description" >"$out/TARGET"
  cd "$work" && rm -rf "$work/build"
}

if [ ! -e "$target/gmp/TARGET" ]; then
  fetch
  cpu=$(detect_cpu)
  build gmp "built for $cpu" --host="$cpu-pc-linux-gnu" --build="$cpu-pc-linux-gnu" CFLAGS=-O2
fi
if [ ! -e "$target/gmp-fat/TARGET" ]; then
  fetch
  build gmp-fat "built fat, as rug and gmpy2 bundle it" --enable-fat --with-pic
fi
echo "$target/gmp/lib/libgmp.so"
echo "$target/gmp-fat/lib/libgmp.so"
