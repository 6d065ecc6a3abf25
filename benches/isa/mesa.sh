#!/usr/bin/env bash
# Downloads Mesa 25 and its dependencies from Debian 13 and unpacks them in target/isa/root. Installs nothing. If that
# fails, prints SKIPPED with the reason and exits with status 3. Takes half a minute the first time, and does nothing
# later.
set -euo pipefail
cd "$(dirname "$0")/../.."

suite=trixie
folder=$PWD/target/isa
root=$folder/root

skip() {
  echo "SKIPPED: shaders for AMD GPUs: $*" >&2
  exit 3
}

[ -e "$folder/complete" ] && exit 0
for tool in apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || skip "$tool is not installed, which downloads Mesa 25"
done
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keys" ] || skip "the keys of Debian's archive are missing: $keys"

rm -rf "$folder/apt" "$root"
mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial" "$root"
# An empty status file, so that apt downloads the C library too.
: >"$folder/apt/status"
# The mirror that this machine uses, if it runs Debian.
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
