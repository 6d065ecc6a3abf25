//! `hushvec devices`.

use crate::args::Compute;
use crate::failure::Failure;
use crate::output;
use hushvec::{Device, Devices};

/// Options of `hushvec devices`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let devices = Devices::detect(args.compute.threads)?;
    // Fail if the requested device does not exist.
    Devices::check(args.compute.device.as_ref().unwrap_or(&Device::Auto))?;
    if args.json {
        return output::print_json(&devices);
    }
    let Devices { cpu, gpus, auto, reason, .. } = devices;
    let mut fields = vec![
        ("cpu", cpu.model),
        ("  cores", cpu.cores.to_string()),
        ("  threads", cpu.threads.to_string()),
        ("  kernels", cpu.isa),
    ];
    if gpus.is_empty() {
        fields.push(("gpu", "none".to_owned()));
    }
    let names: Vec<String> = gpus.iter().map(|gpu| format!("gpu:{}", gpu.index)).collect();
    for (gpu, name) in gpus.iter().zip(&names) {
        let kind = if gpu.software { "emulated by the CPU, for tests" } else { gpu.kind };
        fields.push((name, gpu.name.clone()));
        fields.push(("  kind", kind.to_owned()));
        fields.push(("  driver", format!("{}: {}", gpu.api, gpu.driver)));
        fields.push(("  kernels", gpu.kernels.to_owned()));
    }
    fields.push(("auto", format!("{auto}: {reason}")));
    output::print(&output::fields(&fields))
}
