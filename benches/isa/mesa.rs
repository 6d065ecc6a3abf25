//! Mesa's driver for AMD GPUs, run in a separate process and for GPUs that are not present.

use crate::shapes::Job;
use crate::spirv::spirv;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The argument with which this program compiles a SPIR-V file and prints the driver's output.
pub const COMPILE: &str = "--compile";
/// Precedes the driver's name and version.
pub const DRIVER: &str = "driver: ";
/// Separates statistics from assembly.
pub const ASSEMBLY: &str = "== assembly";

/// An installation of Mesa.
pub struct Mesa {
    manifest: PathBuf,
    /// Its dynamic linker and its folder of libraries; `None` for the system's Mesa.
    linker: Option<[PathBuf; 2]>,
}

/// A compiled shader.
pub struct Compiled {
    pub driver: String,
    pub statistics: BTreeMap<String, u64>,
    pub assembly: String,
}

impl Mesa {
    /// Finds the system's Mesa (`system`), or the one unpacked in the folder `place`.
    ///
    /// # Errors
    /// A message that names the missing file.
    pub fn find(place: &str) -> Result<Self, String> {
        if place == "system" {
            let manifest = find(Path::new("/usr/share/vulkan/icd.d"), "radeon_icd", ".json")
                .ok_or("this machine has no Mesa driver for AMD GPUs")?;
            return Ok(Self { manifest, linker: None });
        }
        let root = Path::new(place);
        let missing = |what: &str| format!("{place} has no {what}");
        let driver = find(root, "libvulkan_radeon", ".so").ok_or_else(|| missing("libvulkan_radeon.so"))?;
        let linker = find(root, "ld-linux", "").ok_or_else(|| missing("ld-linux"))?;
        // The manifest in the package has the path of an installed driver, so write another one.
        let manifest = root.join("radeon.json");
        let text = format!(
            r#"{{"file_format_version": "1.0.0", "ICD": {{"library_path": {driver:?}, "api_version": "1.3.0"}}}}"#
        );
        std::fs::write(&manifest, text).map_err(|error| format!("{}: {error}", manifest.display()))?;
        let libraries = driver.parent().unwrap_or(root).to_owned();
        Ok(Self { manifest, linker: Some([linker, libraries]) })
    }

    /// Compiles a kernel in a separate process, which may crash, and writes its assembly to `folder`.
    ///
    /// # Errors
    /// A message with the exit status and the output of the process.
    pub fn compile(&self, job: &Job, folder: &Path) -> Result<Compiled, String> {
        let file = folder.join(format!("{}.spv", job.name()));
        let words = spirv(&job.source);
        std::fs::write(&file, words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
        let own = std::env::current_exe().unwrap();
        let mut command = match &self.linker {
            Some([linker, libraries]) => {
                let mut command = Command::new(linker);
                command.arg("--library-path").arg(libraries).arg(own);
                command
            }
            None => Command::new(own),
        };
        command.arg(COMPILE).arg(&file).stdin(Stdio::null());
        command.env("RADV_FORCE_FAMILY", &job.family).env("MESA_SHADER_CACHE_DISABLE", "true");
        command
            .env("VK_DRIVER_FILES", &self.manifest)
            .env("VK_ICD_FILENAMES", &self.manifest)
            .env("NODEVICE_SELECT", "1");
        let output = command.output().unwrap();
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(format!("the driver's process failed with {}: {}", output.status, stderr.trim()));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let (head, assembly) = text.split_once(ASSEMBLY).ok_or("the driver printed no assembly")?;
        let statistics = head
            .lines()
            .filter_map(|line| line.split_once('='))
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
        std::fs::write(folder.join(format!("{}.s", job.name())), assembly).unwrap();
        let driver = head.lines().find_map(|line| line.strip_prefix(DRIVER)).unwrap_or_default().to_owned();
        Ok(Compiled { driver, statistics: statistics.collect(), assembly: assembly.to_owned() })
    }
}

/// Finds a file below a folder by the start and the end of its name.
fn find(folder: &Path, begin: &str, end: &str) -> Option<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).ok()?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(_) if name.starts_with(begin) && name.ends_with(end) => return Some(entry.path()),
                _ => {}
            }
        }
    }
    None
}
