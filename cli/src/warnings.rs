//! Warnings of the engine, on standard error.

use std::fmt;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, layer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, registry};

/// `warning: ` and the message.
struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        write!(to, "warning: ")?;
        context.field_format().format_fields(to.by_ref(), event)?;
        writeln!(to)
    }
}

/// Shows what the engine has to say of devices. What it says of keys the commands say themselves, with the file's name.
pub fn show() {
    let wanted =
        |metadata: &Metadata<'_>| metadata.target().starts_with("hushvec::backend") && *metadata.level() <= Level::WARN;
    let layer = layer().with_writer(std::io::stderr).event_format(Plain).with_filter(filter_fn(wanted));
    // Fails only if there is one already.
    let _ = tracing::subscriber::set_global_default(registry().with(layer));
}
