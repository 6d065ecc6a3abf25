#!/usr/bin/env bash
# Unpacks Mesa 25 and what it needs, from Debian 13, into target/isa/root, and installs nothing. Prints SKIPPED and the reason, and exits
# with 3, where that cannot be done. Takes half a minute the first time, and no time later.
set -euo pipefail
cd "$(dirname "$0")/../.."

suite=trixie
folder=$PWD/target/isa
root=$folder/root

skip() {
  echo "SKIPPED: the instruction sets of AMD GPUs, since $*" >&2
  exit 3
}

[ -e "$folder/complete" ] && exit 0
for tool in apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || skip "there is no $tool to get Mesa 25 with"
done
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keys" ] || skip "there are no keys of Debian's archive in $keys"

rm -rf "$folder/apt" "$root"
mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial" "$root"
# As if nothing were installed, so that apt downloads the C library too.
: >"$folder/apt/status"
# The mirror that this machine uses, if it is a Debian one.
mirror=$(apt-get indextargets --format '$(ORIGIN)|$(SITE)' 'Created-By: Packages' 2>/dev/null |
  sed -n 's/^Debian|//p' | grep -v security | head -n 1) || true
echo "deb [signed-by=$keys] ${mirror:-http://deb.debian.org/debian} $suite main" >"$folder/apt/sources.list"
cat >"$folder/apt/apt.conf" <<CONFIGURATION
Dir::State "$folder/apt";
Dir::State::status "$folder/apt/status";
Dir::State::lists "$folder/apt/lists";
Dir::Cache "$folder/apt";
Dir::Etc::sourcelist "$folder/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Install-Recommends "false";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
CONFIGURATION

log=$folder/apt/log
fetch() { apt-get -q -c "$folder/apt/apt.conf" "$@" >>"$log" 2>&1; }
fetch update -o APT::Update::Error-Mode=any || skip "apt cannot read Debian's $suite (see $log)"
fetch install --yes --download-only mesa-vulkan-drivers libvulkan1 || skip "apt cannot download Mesa (see $log)"
for package in "$folder"/apt/archives/*.deb; do
  dpkg-deb -x "$package" "$root"
done
rm -rf "$folder/apt/archives" "$folder/apt/lists"
touch "$folder/complete"
