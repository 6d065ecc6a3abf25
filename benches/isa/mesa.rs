//! Mesa's driver for AMD GPUs, run for GPUs that are not there, in a process of its own.

use crate::shapes::Job;
use crate::spirv::spirv;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The argument that makes this program compile a file of SPIR-V and print what the driver says.
pub const COMPILE: &str = "--compile";
/// What the driver's name and version follow.
pub const DRIVER: &str = "driver: ";
/// What stands between statistics and assembly.
pub const ASSEMBLY: &str = "== assembly";

/// Where it is.
pub struct Mesa {
    manifest: PathBuf,
    /// The dynamic linker that goes with it, and where it finds libraries; `None` for the system's Mesa.
    linker: Option<[PathBuf; 2]>,
}

/// What it made of a shader.
pub struct Compiled {
    pub driver: String,
    pub statistics: BTreeMap<String, u64>,
    pub assembly: String,
}

impl Mesa {
    /// The system's, or the one that is unpacked in a folder.
    ///
    /// # Errors
    /// What is missing.
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
        // Packages say where the driver is on a system that has them installed.
        let manifest = root.join("radeon.json");
        let text = format!(
            r#"{{"file_format_version": "1.0.0", "ICD": {{"library_path": {driver:?}, "api_version": "1.3.0"}}}}"#
        );
        std::fs::write(&manifest, text).map_err(|error| format!("{}: {error}", manifest.display()))?;
        let libraries = driver.parent().unwrap_or(root).to_owned();
        Ok(Self { manifest, linker: Some([linker, libraries]) })
    }

    /// Compiles a kernel, in a process that may crash, and leaves its assembly in a folder.
    ///
    /// # Errors
    /// How the process ended.
    pub fn compile(&self, job: &Job, folder: &Path) -> Result<Compiled, String> {
        let file = folder.join(format!("{}.spv", job.name()));
        let words = spirv(&job.shader.source(job.shape));
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
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("the driver's process ended with {}: {}", output.status, said.trim()));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let (head, assembly) = text.split_once(ASSEMBLY).ok_or("the driver gave no assembly")?;
        let statistics = head
            .lines()
            .filter_map(|line| line.split_once('='))
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
        std::fs::write(folder.join(format!("{}.s", job.name())), assembly).unwrap();
        let driver = head.lines().find_map(|line| line.strip_prefix(DRIVER)).unwrap_or_default().to_owned();
        Ok(Compiled { driver, statistics: statistics.collect(), assembly: assembly.to_owned() })
    }
}

/// A file below a folder whose name begins and ends so.
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
