//! What drivers write to standard error by themselves.

/// Keeps Mesa's layer that chooses between devices from complaining, once for each instance, that there is no Wayland session
/// (`XDG_RUNTIME_DIR is invalid or not set in the environment`). Without such a session, and unless somebody uses the layer to
/// choose, it has nothing to do.
///
/// To be called before there are threads.
pub fn silence() {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let session = std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|folder| std::path::Path::new(&folder).is_dir());
    if cfg!(target_os = "linux") && !session && !is_set("DRI_PRIME") && !is_set("MESA_VK_DEVICE_SELECT") {
        // SAFETY: the program has just begun, and no other thread reads the environment.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}
