//! Messages, warnings and errors on standard error, as text or as JSON.

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

/// The flags for messages.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Options {
    /// Show only warnings and errors, and no progress bars
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Messages")]
    quiet: bool,
    /// Show debug messages too
    #[arg(short, long, global = true, help_heading = "Messages")]
    verbose: bool,
    /// Format of messages on standard error; json writes one object per line, and progress every ten seconds
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT", help_heading = "Messages")]
    log_format: Format,
}

/// The format of messages.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    /// Plain text.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not at all.
    Hidden,
    /// As a progress bar.
    Bar,
    /// As a message every ten seconds.
    Messages,
}

static OPTIONS: OnceLock<Options> = OnceLock::new();

/// Returns how progress is shown.
pub fn progress() -> Progress {
    let options = OPTIONS.get().copied().unwrap_or_default();
    match options.log_format {
        _ if options.quiet => Progress::Hidden,
        Format::Json => Progress::Messages,
        Format::Text if std::io::stderr().is_terminal() => Progress::Bar,
        Format::Text => Progress::Hidden,
    }
}

/// Starts logging the messages of the commands and of the engine. Messages of a long-running program have timestamps,
/// and its warnings may repeat.
pub fn start(options: Options, long_running: bool) {
    let _ = OPTIONS.set(options);
    let max_level = match options {
        Options { quiet: true, .. } => Level::WARN,
        Options { verbose: true, .. } => Level::DEBUG,
        _ => Level::INFO,
    };
    // The commands warn about weak keys themselves, so the engine's warnings are dropped.
    let wanted = move |metadata: &Metadata<'_>| {
        let target = metadata.target();
        *metadata.level() <= max_level && target.starts_with("hushvec") && target != "hushvec::paillier::parameters"
    };
    let layer = layer().with_writer(std::io::stderr);
    let layer = match options.log_format {
        Format::Text if long_running => layer.with_target(false).with_filter(filter_fn(wanted)).boxed(),
        Format::Text => layer.event_format(Plain::default()).with_filter(filter_fn(wanted)).boxed(),
        Format::Json => layer.json().flatten_event(true).with_target(false).with_filter(filter_fn(wanted)).boxed(),
    };
    // Fails only if a subscriber is already set.
    let _ = tracing::subscriber::set_global_default(registry().with(layer));
}

/// Formats the level, the message and the hint. Repeated warnings are dropped.
#[derive(Default)]
struct Plain(Mutex<HashSet<String>>);

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut text = EventText::default();
        event.record(&mut text);
        match *event.metadata().level() {
            Level::ERROR => writeln!(to, "error: {}", text.message)?,
            Level::WARN => {
                let mut warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if !warnings.insert(text.message.clone()) {
                    return Ok(());
                }
                writeln!(to, "warning: {}", text.message)?;
            }
            Level::INFO => writeln!(to, "{}", text.message)?,
            _ => writeln!(to, "debug: {}", text.message)?,
        }
        text.hint.map_or(Ok(()), |hint| writeln!(to, "  hint: {hint}"))
    }
}

/// The fields of an event that are shown as text. The others appear in JSON only.
#[derive(Default)]
struct EventText {
    message: String,
    hint: Option<String>,
}

impl Visit for EventText {
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
