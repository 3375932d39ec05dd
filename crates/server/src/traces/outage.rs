//! Says once that the collector cannot be reached, and once that it can again.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// An exporter whose failures are told once.
#[derive(Debug)]
pub(super) struct Outage<E> {
    exporter: E,
    url: String,
    lasts: AtomicBool,
}

impl<E> Outage<E> {
    /// Watches what goes to this address.
    pub fn of(exporter: E, url: String) -> Self {
        Self {
            exporter,
            url,
            lasts: AtomicBool::new(false),
        }
    }
}

impl<E: SpanExporter> SpanExporter for Outage<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(batch).await;
        let lasted = self.lasts.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(error) if !lasted => tracing::warn!(
                url = self.url,
                %error,
                "the collector does not take spans; they are dropped until it does, answers go on"
            ),
            Ok(()) if lasted => tracing::warn!(url = self.url, "the collector takes spans again"),
            _ => {}
        }
        sent
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use opentelemetry_sdk::error::OTelSdkError;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    /// A collector that can be switched off.
    #[derive(Debug, Clone, Default)]
    struct Switched(Arc<AtomicBool>);

    impl SpanExporter for Switched {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            match self.0.load(Ordering::Relaxed) {
                true => Ok(()),
                false => Err(OTelSdkError::InternalFailure("refused".to_owned())),
            }
        }
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Log {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[tokio::test]
    async fn a_collector_that_is_gone_is_told_in_one_line_and_its_return_in_another() {
        let log = Log::default();
        let written = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        let _logging = tracing::subscriber::set_default(written);
        let switch = Switched::default();
        let exporter = Outage::of(switch.clone(), "http://collector".to_owned());
        for on in [false, false, false, true, true, false] {
            switch.0.store(on, Ordering::Relaxed);
            assert_eq!(exporter.export(Vec::new()).await.is_ok(), on);
        }
        let log = String::from_utf8(log.0.lock().expect("no panic").clone()).expect("text");
        let lines: Vec<_> = log.lines().collect();
        assert_eq!(lines.len(), 3, "{log}");
        assert!(
            lines[0].contains("dropped") && lines[0].contains("http://collector"),
            "{log}"
        );
        assert!(lines[1].contains("takes spans again"), "{log}");
        assert!(lines[2].contains("dropped"), "{log}");
    }
}
