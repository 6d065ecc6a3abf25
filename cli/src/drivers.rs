//! Messages of GPU drivers on standard error.

/// Silences Mesa's device selection layer, which writes `XDG_RUNTIME_DIR is invalid or not set in the environment` for
/// each instance when there is no Wayland session. Without a session the layer has no effect, unless the user selects a
/// device with it.
///
/// Must be called before any thread is started.
pub fn silence() {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let session = std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|folder| std::path::Path::new(&folder).is_dir());
    if cfg!(target_os = "linux") && !session && !is_set("DRI_PRIME") && !is_set("MESA_VK_DEVICE_SELECT") {
        // SAFETY: the program has just started, and no other thread reads the environment.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}
