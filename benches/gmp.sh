#!/usr/bin/env bash
# Builds GMP 6.3 for this processor, to be measured against: portable builds, such as those that Python's gmpy2 brings
# along, are up to twice slower. Needs cargo, a C compiler, make and m4.
#   benches/gmp.sh [DIR]     leaves DIR/lib/libgmp.so; DIR defaults to target/gmp, where the benches look for it
set -euo pipefail
out=$(mkdir -p "${1:-target/gmp}" && cd "${1:-target/gmp}" && pwd)
[ -e "$out/lib/libgmp.so" ] && { echo "$out/lib/libgmp.so"; exit 0; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
# The sources come with a crate.
mkdir "$work/fetch" && cd "$work/fetch"
printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[dependencies]\ngmp-mpfr-sys = { version = "1.7", default-features = false }\n[workspace]\n' >Cargo.toml
: >lib.rs
cargo vendor -q vendor >/dev/null
cp -r "$(ls -d vendor/gmp-mpfr-sys*/gmp-6.*-c | head -n 1)" "$work/gmp"
cd "$work/gmp" && chmod -R u+w . && find . -name 'config*' -exec chmod +x {} +
# GMP's own guess, unless it does not know the processor: then the nearest one that it has code for.
cpu=$(./config.guess | cut -d- -f1)
case $cpu in
  x86_64 | amd64)
    if grep -q AuthenticAMD /proc/cpuinfo; then cpu=zen3; else cpu=skylake; fi ;;
esac
./configure --host="$cpu-pc-linux-gnu" --build="$cpu-pc-linux-gnu" --enable-shared --disable-static --prefix="$out" CFLAGS=-O2 >/dev/null
make -s -j"$(nproc)" >/dev/null 2>&1
make -s install >/dev/null 2>&1
echo "built for $cpu" >"$out/TARGET"
echo "$out/lib/libgmp.so"
