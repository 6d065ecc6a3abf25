//! What goes to standard error: messages, warnings and errors, as text for people or as JSON for machines.

use clap::{Args, ValueEnum};
use std::collections::HashSet;
use std::fmt;
use std::io::IsTerminal;
use std::sync::{Mutex, OnceLock, PoisonError};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, layer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, registry};

/// How much is said, and how.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Options {
    /// Only warnings and errors on standard error, and no progress bars
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Messages")]
    quiet: bool,
    /// Say more on standard error: what is done meanwhile, and where
    #[arg(short, long, global = true, help_heading = "Messages")]
    verbose: bool,
    /// How messages are written to standard error; json is one object a line, with progress every ten seconds
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT", help_heading = "Messages")]
    log_format: Format,
}

/// How messages are written.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not at all.
    Hidden,
    /// As a bar that is drawn over itself.
    Bar,
    /// As a message now and then.
    Messages,
}

static OPTIONS: OnceLock<Options> = OnceLock::new();

/// How progress is to be shown.
pub fn progress() -> Progress {
    let options = OPTIONS.get().copied().unwrap_or_default();
    match options.log_format {
        _ if options.quiet => Progress::Hidden,
        Format::Json => Progress::Messages,
        Format::Text if std::io::stderr().is_terminal() => Progress::Bar,
        Format::Text => Progress::Hidden,
    }
}

/// Begins to show messages, those of the engine too. Those of a program that runs `for_long` say when they were written, and
/// are repeated.
pub fn start(options: Options, for_long: bool) {
    let _ = OPTIONS.set(options);
    let most = match options {
        Options { quiet: true, .. } => Level::WARN,
        Options { verbose: true, .. } => Level::DEBUG,
        _ => Level::INFO,
    };
    // What the engine says of weak keys, the commands say themselves, with the file's name.
    let wanted = move |metadata: &Metadata<'_>| {
        let target = metadata.target();
        *metadata.level() <= most && target.starts_with("hushvec") && target != "hushvec::paillier::parameters"
    };
    let layer = layer().with_writer(std::io::stderr);
    let layer = match options.log_format {
        Format::Text if for_long => layer.with_target(false).with_filter(filter_fn(wanted)).boxed(),
        Format::Text => layer.event_format(Plain::default()).with_filter(filter_fn(wanted)).boxed(),
        Format::Json => layer.json().flatten_event(true).with_target(false).with_filter(filter_fn(wanted)).boxed(),
    };
    // Fails only if there is one already.
    let _ = tracing::subscriber::set_global_default(registry().with(layer));
}

/// The level, the message and the hint. A warning that was given before is not repeated.
#[derive(Default)]
struct Plain(Mutex<HashSet<String>>);

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        match *event.metadata().level() {
            Level::ERROR => writeln!(to, "error: {}", said.message)?,
            Level::WARN => {
                let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if !given.insert(said.message.clone()) {
                    return Ok(());
                }
                writeln!(to, "warning: {}", said.message)?;
            }
            Level::INFO => writeln!(to, "{}", said.message)?,
            _ => writeln!(to, "debug: {}", said.message)?,
        }
        said.hint.map_or(Ok(()), |hint| writeln!(to, "  hint: {hint}"))
    }
}

/// What text shows of an event. The other fields are for machines.
#[derive(Default)]
struct Said {
    message: String,
    hint: Option<String>,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "hint" => self.hint = Some(format!("{value:?}")),
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}
