//! The OpenTelemetry GenAI metrics, in Prometheus' form.
//!
//! Names, attributes and bucket edges are those of the semantic conventions
//! (<https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/>). Labels are bounded: models that we know, by alias; operations
//! and errors from fixed lists.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tollgate_domain::{Outcome, RawAnalyticsRecord};
use tollgate_store::catalog::Catalog;
use tollgate_store::usage_records::{FLAG_FAILED, UsageRow};

/// Buckets of `gen_ai.client.token.usage`.
pub const TOKEN_USAGE_BUCKETS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// Buckets of `gen_ai.server.request.duration`.
pub const REQUEST_DURATION_BUCKETS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// Buckets of `gen_ai.server.time_to_first_token`.
pub const TIME_TO_FIRST_TOKEN_BUCKETS: [f64; 16] =
    [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Buckets of `gen_ai.server.time_per_output_token`.
pub const TIME_PER_OUTPUT_TOKEN_BUCKETS: [f64; 13] =
    [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5];

/// Statuses that are named in `error.type`; every other error is `_OTHER`, as the conventions say.
const NAMED_STATUSES: [(i32, &str); 14] = [
    (400, "400"),
    (401, "401"),
    (402, "402"),
    (403, "403"),
    (404, "404"),
    (408, "408"),
    (413, "413"),
    (422, "422"),
    (429, "429"),
    (500, "500"),
    (502, "502"),
    (503, "503"),
    (504, "504"),
    (529, "529"),
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(
    clippy::struct_field_names,
    reason = "the fields are the labels, and these are the conventions' names"
)]
struct Labels {
    gen_ai_operation_name: &'static str,
    gen_ai_provider_name: String,
    gen_ai_request_model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    gen_ai_operation_name: &'static str,
    gen_ai_provider_name: String,
    gen_ai_request_model: String,
    error_type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(
    clippy::struct_field_names,
    reason = "the fields are the labels, and these are the conventions' names"
)]
struct TokenLabels {
    gen_ai_operation_name: &'static str,
    gen_ai_provider_name: String,
    gen_ai_request_model: String,
    gen_ai_token_type: &'static str,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// Handles of one model and operation, so that no record looks a label set up.
#[derive(Debug)]
struct Handles {
    labels: Labels,
    duration: Histogram,
    first_token: Histogram,
    per_output_token: Histogram,
    input_tokens: Histogram,
    output_tokens: Histogram,
}

/// The four metrics.
#[derive(Debug)]
pub(crate) struct GenAiMetrics {
    duration: Histograms<DurationLabels>,
    first_token: Histograms<Labels>,
    per_output_token: Histograms<Labels>,
    tokens: Histograms<TokenLabels>,
    /// By model number (0: none that we know) and operation.
    handles: Mutex<HashMap<(i32, &'static str), Arc<Handles>, RandomState>>,
}

impl GenAiMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            duration: Family::new_with_constructor(|| Histogram::new(REQUEST_DURATION_BUCKETS)),
            first_token: Family::new_with_constructor(|| Histogram::new(TIME_TO_FIRST_TOKEN_BUCKETS)),
            per_output_token: Family::new_with_constructor(|| Histogram::new(TIME_PER_OUTPUT_TOKEN_BUCKETS)),
            tokens: Family::new_with_constructor(|| Histogram::new(TOKEN_USAGE_BUCKETS)),
            handles: Mutex::default(),
        };
        // The registry appends the unit to the name.
        registry.register_with_unit(
            "gen_ai_server_request_duration",
            "Generative AI server request duration such as time-to-last byte or last output token",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        registry.register_with_unit(
            "gen_ai_server_time_to_first_token",
            "Time to generate first token for successful responses",
            Unit::Seconds,
            metrics.first_token.clone(),
        );
        registry.register_with_unit(
            "gen_ai_server_time_per_output_token",
            "Time per output token generated after the first token for successful responses",
            Unit::Seconds,
            metrics.per_output_token.clone(),
        );
        registry.register(
            "gen_ai_client_token_usage",
            "Number of input and output tokens used",
            metrics.tokens.clone(),
        );
        metrics
    }

    /// A record went into the books.
    pub(crate) fn observe(&self, record: &RawAnalyticsRecord, row: &UsageRow, catalog: &Catalog) {
        let operation = operation(&record.response_type);
        let handles = self.handles(row.model_no, operation, catalog);
        let duration = f64::from(row.duration_ms) / 1000.0;
        if row.flags & FLAG_FAILED == 0 {
            handles.duration.observe(duration);
            if let Some(first_byte) = row.first_byte_ms {
                let first_token = f64::from(first_byte) / 1000.0;
                handles.first_token.observe(first_token);
                if let Some(tokens) = row.counts.completion.filter(|tokens| *tokens > 1) {
                    let rest = (duration - first_token).max(0.0);
                    handles.per_output_token.observe(rest / f64::from(tokens - 1));
                }
            }
        } else {
            self.failed(&handles.labels, record).observe(duration);
        }
        if let Some(tokens) = row.counts.prompt {
            handles.input_tokens.observe(tokens.into());
        }
        if let Some(tokens) = row.counts.completion {
            handles.output_tokens.observe(tokens.into());
        }
    }

    fn handles(&self, model_no: Option<i32>, operation: &'static str, catalog: &Catalog) -> Arc<Handles> {
        let key = (model_no.unwrap_or(0), operation);
        if let Some(handles) = self.handles.lock().get(&key) {
            return Arc::clone(handles);
        }
        let model = model_no.and_then(|no| catalog.models.values().find(|model| model.no == no));
        let provider = model.and_then(|model| model.provider_name.clone());
        let labels = Labels {
            gen_ai_operation_name: operation,
            gen_ai_provider_name: provider.unwrap_or_else(|| "unknown".to_owned()),
            // Never what the client typed: only aliases of ours.
            gen_ai_request_model: model.map_or_else(|| "unknown".to_owned(), |model| model.alias.clone()),
        };
        let tokens = |gen_ai_token_type| {
            self.tokens.get_or_create_owned(&TokenLabels {
                gen_ai_operation_name: operation,
                gen_ai_provider_name: labels.gen_ai_provider_name.clone(),
                gen_ai_request_model: labels.gen_ai_request_model.clone(),
                gen_ai_token_type,
            })
        };
        let handles = Handles {
            duration: self.duration.get_or_create_owned(&duration_labels(&labels, "")),
            first_token: self.first_token.get_or_create_owned(&labels),
            per_output_token: self.per_output_token.get_or_create_owned(&labels),
            input_tokens: tokens("input"),
            output_tokens: tokens("output"),
            labels,
        };
        Arc::clone(self.handles.lock().entry(key).or_insert_with(|| Arc::new(handles)))
    }

    fn failed(&self, labels: &Labels, record: &RawAnalyticsRecord) -> Histogram {
        let status = record.status_code;
        let named = NAMED_STATUSES.iter().find(|(code, _)| *code == status).map(|(_, name)| *name);
        let error_type = match named {
            Some(name) if record.outcome == Outcome::Failed || status >= 400 => name,
            _ => "_OTHER",
        };
        self.duration.get_or_create_owned(&duration_labels(labels, error_type))
    }
}

fn duration_labels(labels: &Labels, error_type: &'static str) -> DurationLabels {
    DurationLabels {
        gen_ai_operation_name: labels.gen_ai_operation_name,
        gen_ai_provider_name: labels.gen_ai_provider_name.clone(),
        gen_ai_request_model: labels.gen_ai_request_model.clone(),
        error_type,
    }
}

/// `gen_ai.operation.name` of a kind of response.
fn operation(response_type: &str) -> &'static str {
    match response_type.strip_suffix("_stream").unwrap_or(response_type) {
        "chat_completion" | "response" | "message" => "chat",
        "completion" => "text_completion",
        "embedding" => "embeddings",
        "generate_content" => "generate_content",
        "rerank" => "rerank",
        _ => "other",
    }
}
