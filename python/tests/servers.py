"""Servers for tests: `hushvec serve` on a folder and a free port."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

BINARY = pathlib.Path(os.environ.get("HUSHVEC_BINARY", pathlib.Path(__file__).parents[2] / "target/release/hushvec"))


def require():
    """Skips the module where there is no binary, or fails it where that is asked for."""
    if not BINARY.exists():
        reason = f"there is no {BINARY}: cargo build --release"
        if os.environ.get("HUSHVEC_REQUIRE_SDK") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason, allow_module_level=True)


class Server:
    """A running server. The admin key is printed when the folder is new, and kept here for the next start."""

    def __init__(self, folder, *arguments, admin_key=None):
        self.folder, self.arguments = folder, arguments
        command = [BINARY, "serve", "--data", folder, "--listen", "127.0.0.1:0", "--device", "cpu", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.admin_key, self.url, self.log = admin_key, None, []
        for line in self.process.stderr:
            self.log.append(line)
            if found := re.search(r"listening on (https?://\S+)", line):
                self.url = found[1]
                break
        else:
            raise RuntimeError("".join(self.log))
        if admin_key is None:
            self.admin_key = self.process.stdout.readline().removeprefix("admin key: ").strip()

    def stop(self, how=signal.SIGTERM):
        """Ends it, with what it wrote to standard error."""
        self.process.send_signal(how)
        rest = self.process.communicate(timeout=60)[1]
        return "".join(self.log) + rest

    def restarted(self):
        return type(self)(self.folder, *self.arguments, admin_key=self.admin_key)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()
