//! Recorded answers of real providers as further seeds, where they lie beside the repository: they are no part of it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use tollgate_testkit::corpus::{ExchangeKind, RecordedExchange, read_corpus};

use super::MOST_BYTES;

/// Writes what is short enough as inputs of the targets that read answers, and returns where, by target.
pub(super) fn write(directory: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut written = BTreeMap::new();
    let Some(shared) = tollgate_testkit::shared_dir() else { return Ok(written) };
    let exchanges = read_corpus(&shared);
    for target in ["sse", "usage", "encoded"] {
        let directory = directory.join("recordings").join(target);
        fs::create_dir_all(&directory)?;
        for exchange in &exchanges {
            let is_stream = exchange.content_type.starts_with("text/event-stream");
            let input = format!("{}\n{}", options(target, exchange), exchange.response);
            if input.len() <= MOST_BYTES && (target == "encoded" || is_stream == (target == "sse")) {
                fs::write(directory.join(&exchange.id), input)?;
            }
        }
        written.insert(target.to_owned(), directory);
    }
    Ok(written)
}

/// The line of options that `fuzz/src/input.rs` reads: the surface, the status, then what differs between the targets.
fn options(target: &str, exchange: &RecordedExchange) -> String {
    let surface = match exchange.kind {
        ExchangeKind::ChatCompletions => '0',
        ExchangeKind::Responses => '2',
        ExchangeKind::Embeddings => '3',
        ExchangeKind::AnthropicMessages => '4',
        ExchangeKind::GeminiGenerate if exchange.path.contains(":stream") => '6',
        ExchangeKind::GeminiGenerate => '5',
    };
    let status = if exchange.status < 300 { '0' } else { '2' };
    // Cut differently each, and encoded in one way after another.
    let cut: String = exchange.id.chars().filter(char::is_ascii_alphanumeric).take(2).collect();
    let encoding = if target == "encoded" { exchange.response.len() % 6 } else { 0 };
    format!("{surface}{status}0{encoding}00{cut:0<2}")
}
