"""Messages of GPU drivers on standard error."""

import os
import sys


def silence() -> None:
    """Silences Mesa's device selection layer, which writes an error when there is no Wayland session. Without a
    session the layer has no effect, unless the user selects a device with it."""
    session = os.path.isdir(os.environ.get("XDG_RUNTIME_DIR", ""))
    if sys.platform == "linux" and not session and not ({"DRI_PRIME", "MESA_VK_DEVICE_SELECT"} & os.environ.keys()):
        os.environ.setdefault("NODEVICE_SELECT", "1")
