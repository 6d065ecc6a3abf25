# Installs what the test suite needs besides Rust, on Debian and if permitted. Sourced by run.sh, which installs more after
# it has built the command line, and by .ci/run.

install() {
  command -v apt-get >/dev/null || return 1
  local as_root=
  [ "$(id -u)" = 0 ] || as_root=sudo
  echo "installing $*" >&2
  $as_root apt-get install -y -q "$@" >/dev/null 2>&1 ||
    { $as_root apt-get update -q && $as_root apt-get install -y -q "$@"; } >/dev/null 2>&1
}

# The exchange with XTrace's SDK needs a Python that can create virtual environments.
python3 -c 'import venv, ensurepip' 2>/dev/null || install python3-venv ||
  echo "cannot install python3-venv: the exchange with XTrace's SDK will be skipped" >&2

command -v valgrind >/dev/null || install valgrind ||
  echo "cannot install valgrind: the check of constant time will be skipped" >&2

# strace makes system calls fail.
command -v strace >/dev/null || install strace ||
  echo "cannot install strace: the tests of failing system calls will be skipped" >&2
