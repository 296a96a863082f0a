use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use tracing_subscriber::{Layer, fmt, layer::SubscriberExt};

use super::{filter, without_values};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_filter_makes_the_client_of_the_database_log_the_parameters_of_statements() {
    for asked in ["trace", "tokio_postgres=trace", "tokio_postgres::query=debug,info"] {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = fmt::layer().with_writer(move || writer.clone());
        let subscriber =
            tracing_subscriber::registry().with(layer.with_filter(without_values(filter(asked).unwrap())));
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(target: "tokio_postgres::query", "executing with parameters: [\"a password\"]");
            tracing::warn!(target: "tokio_postgres::connection", "a notice");
            tracing::debug!(target: "tollgate_metering", "a detail");
        });
        let said = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(!said.contains("a password") && said.contains("a notice"), "{asked}: {said}");
        assert_eq!(said.contains("a detail"), asked == "trace", "{asked}: {said}");
    }
}
