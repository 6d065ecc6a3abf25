//! Warnings of the engine, on standard error.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, layer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, registry};

/// `warning: ` and the message, once.
#[derive(Default)]
struct Plain(Mutex<HashSet<String>>);

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut message = String::new();
        context.field_format().format_fields(Writer::new(&mut message), event)?;
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.insert(message.clone()) { writeln!(to, "warning: {message}") } else { Ok(()) }
    }
}

/// Shows what the engine has to say of devices. What it says of keys the commands say themselves, with the file's name.
pub fn show() {
    let wanted =
        |metadata: &Metadata<'_>| metadata.target().starts_with("hushvec::backend") && *metadata.level() <= Level::WARN;
    let layer = layer().with_writer(std::io::stderr).event_format(Plain::default()).with_filter(filter_fn(wanted));
    // Fails only if there is one already.
    let _ = tracing::subscriber::set_global_default(registry().with(layer));
}
