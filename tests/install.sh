# What the test suite needs beside Rust, installed on Debian where it is not there and that is allowed. Sourced by run.sh,
# which has more to install once the command line is built, and by .ci/run.

install() {
  command -v apt-get >/dev/null || return 1
  local as_root=
  [ "$(id -u)" = 0 ] || as_root=sudo
  echo "installing $*" >&2
  $as_root apt-get install -y -q "$@" >/dev/null 2>&1 ||
    { $as_root apt-get update -q && $as_root apt-get install -y -q "$@"; } >/dev/null 2>&1
}

# The exchange with XTrace's SDK wants a Python that can make virtual environments.
python3 -c 'import venv, ensurepip' 2>/dev/null || install python3-venv ||
  echo "python3-venv cannot be installed: the exchange with XTrace's SDK will be skipped" >&2

command -v valgrind >/dev/null || install valgrind ||
  echo "valgrind cannot be installed: the check of constant time will be skipped" >&2

# Failing system calls are strace's work.
command -v strace >/dev/null || install strace ||
  echo "strace cannot be installed: failing system calls will be skipped" >&2
