//! Keeps GPU drivers from writing to standard error.

/// Disables Mesa's device selection layer where it has nothing to do: without a Wayland session, and with none of the
/// layer's variables set. Otherwise it complains once per instance (`XDG_RUNTIME_DIR is invalid or not set in the
/// environment`).
///
/// Call it before the first thread starts.
pub fn silence() {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let session = std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|folder| std::path::Path::new(&folder).is_dir());
    if cfg!(target_os = "linux") && !session && !is_set("DRI_PRIME") && !is_set("MESA_VK_DEVICE_SELECT") {
        // SAFETY: the program has just started, and no other thread reads the environment.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}
