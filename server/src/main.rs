//! The binary `hushvec-server`.

mod drivers;

use clap::{Parser, ValueEnum};
use hushvec_server::{Options, serve_until_stopped};
use std::process::ExitCode;
use tracing::Level;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, fmt, registry};

/// Stores encrypted vectors and searches them without being able to read them.
///
/// Serves the HTTP interface of XTrace's SDK. Prints the admin key once, when it creates the organisation.
#[derive(Parser)]
#[command(name = "hushvec-server", version, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    options: Options,
    /// Format of log messages on standard error
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    log_format: Format,
}

#[derive(ValueEnum, Clone, Copy)]
enum Format {
    Text,
    Json,
}

fn main() -> ExitCode {
    drivers::silence();
    let cli = Cli::parse();
    // The server logs warnings about weak keys itself, with the context's id.
    let wanted = filter_fn(|metadata| {
        let target = metadata.target();
        *metadata.level() <= Level::INFO && target.starts_with("hushvec") && target != "hushvec::paillier::parameters"
    });
    let layer = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let layer = match cli.log_format {
        Format::Text => layer.with_filter(wanted).boxed(),
        Format::Json => layer.json().flatten_event(true).with_filter(wanted).boxed(),
    };
    // Fails only if a subscriber is already set.
    let _ = tracing::subscriber::set_global_default(registry().with(layer));
    match serve_until_stopped(&cli.options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
