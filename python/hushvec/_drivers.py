"""What drivers write to standard error by themselves."""

import os
import sys


def silence() -> None:
    """Keeps Mesa's layer that chooses between devices from complaining that there is no Wayland session, unless it is used."""
    session = os.path.isdir(os.environ.get("XDG_RUNTIME_DIR", ""))
    if sys.platform == "linux" and not session and not ({"DRI_PRIME", "MESA_VK_DEVICE_SELECT"} & os.environ.keys()):
        os.environ.setdefault("NODEVICE_SELECT", "1")
