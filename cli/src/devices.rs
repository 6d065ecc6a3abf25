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
    // A device that was asked for must exist.
    Devices::check(args.compute.device.as_ref().unwrap_or(&Device::Auto), args.compute.threads)?;
    if args.json {
        return output::print_json(&devices);
    }
    let Devices { cpu, auto, reason, .. } = devices;
    output::print(&output::fields(&[
        ("cpu", cpu.model),
        ("  cores", cpu.cores.to_string()),
        ("  threads", cpu.threads.to_string()),
        ("  kernels", cpu.level),
        ("gpu", format!("none: {reason}")),
        ("auto", format!("{auto}, because {reason}")),
    ]))
}
