//! What the answers look like: one file per family of formats, each a list of frames and the counts that it states.

mod anthropic;
mod gemini;
mod openai;
mod responses;
mod small;

use serde_json::{Value, json};

use super::{
    books::Counts,
    exchange::{Exchange, Surface},
    script::{Script, SseStyle, UsageMode},
};

/// A part of a body: an SSE event, an array element, or a whole document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) bytes: Vec<u8>,
    /// Whether the usage is complete with this frame.
    pub(crate) has_usage: bool,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) frames: Vec<Frame>,
    /// `None`: no usage anywhere in it.
    pub(crate) stated: Option<Counts>,
}

impl Answer {
    fn document(status: u16, document: &Value, stated: Option<Counts>) -> Self {
        Self {
            status,
            content_type: "application/json".to_owned(),
            frames: vec![Frame { bytes: document.to_string().into_bytes(), has_usage: stated.is_some() }],
            stated,
        }
    }

    fn events(events: Events) -> Self {
        let Events { frames, stated, .. } = events;
        Self { status: 200, content_type: "text/event-stream; charset=utf-8".to_owned(), frames, stated }
    }
}

/// Everything that an answer is made from.
#[derive(Debug)]
pub(crate) struct Making<'a> {
    pub(crate) exchange: &'a Exchange,
    pub(crate) script: &'a Script,
    pub(crate) counts: Counts,
}

impl Making<'_> {
    pub(crate) fn answer(&self) -> Answer {
        if self.script.html {
            return self.html();
        }
        if self.script.status >= 400 {
            return self.error();
        }
        match self.exchange.surface {
            Surface::ChatCompletions => openai::chat(self),
            Surface::Completions => openai::completion(self),
            Surface::Responses => responses::response(self),
            Surface::Embeddings => small::embeddings(self),
            Surface::AnthropicMessages => anthropic::message(self),
            Surface::GeminiGenerate | Surface::GeminiStream => gemini::generate(self),
            Surface::Rerank => small::rerank(self),
            Surface::Transcription => small::transcription(self),
            Surface::Models => small::models(self),
            Surface::Other => small::other(self),
        }
    }

    fn model(&self) -> &str {
        self.exchange.model.as_deref().unwrap_or("unnamed")
    }

    /// The words of the answer, one per content frame. Some are not ASCII, so that a cut may fall inside a character.
    fn words(&self) -> Vec<String> {
        const WORDS: [&str; 6] = ["Ein ", "naïve ", "🚀 flies ", "to 日本 ", "\"quoted\\ ", "and\nback. "];
        let count = self
            .script
            .frames
            .unwrap_or_else(|| usize::try_from(self.counts.completion.clamp(1, 8)).unwrap());
        match &self.script.reply {
            Some(reply) => vec![reply.clone(); count.min(1)],
            None => WORDS.iter().cycle().take(count).map(|word| (*word).to_owned()).collect(),
        }
    }

    fn text(&self) -> String {
        self.words().concat()
    }

    fn finish<'a>(&'a self, usual: &'a str) -> &'a str {
        self.script.finish.as_deref().unwrap_or(usual)
    }

    /// Sets `usage` in a document by the script's mode, and answers what it states then.
    fn state(&self, document: &mut Value, field: &str, usage: Value, counts: Counts) -> Option<Counts> {
        match self.script.usage {
            UsageMode::None => None,
            UsageMode::Null => {
                document[field] = Value::Null;
                None
            }
            UsageMode::Normal | UsageMode::Every | UsageMode::EvenInError => {
                document[field] = usage;
                Some(counts)
            }
        }
    }

    fn html(&self) -> Answer {
        let page = "<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>";
        Answer {
            status: self.script.status,
            content_type: "text/html; charset=utf-8".to_owned(),
            frames: vec![Frame { bytes: page.as_bytes().to_vec(), has_usage: false }],
            stated: None,
        }
    }

    fn error(&self) -> Answer {
        let status = self.script.status;
        let mut document = self.error_document();
        if self.script.usage != UsageMode::EvenInError {
            return Answer::document(status, &document, None);
        }
        let (field, usage, counts) = match self.exchange.surface {
            Surface::AnthropicMessages => {
                ("usage", anthropic::usage(&self.counts), anthropic::stated(&self.counts))
            }
            Surface::GeminiGenerate | Surface::GeminiStream => {
                ("usageMetadata", gemini::usage(&self.counts), gemini::stated(&self.counts))
            }
            Surface::Responses => ("usage", responses::usage(&self.counts), responses::stated(&self.counts)),
            _ => ("usage", openai::usage(&self.counts), openai::stated(&self.counts)),
        };
        document[field] = usage;
        Answer::document(status, &document, Some(counts))
    }

    /// An error in the shape of the surface, for a body and for a frame in a stream.
    fn error_document(&self) -> Value {
        let status = self.script.status.max(400);
        let message = "the script says so";
        match self.exchange.surface {
            Surface::AnthropicMessages => {
                let kind = if status == 429 { "rate_limit_error" } else { "overloaded_error" };
                json!({"type": "error", "error": {"type": kind, "message": message}})
            }
            Surface::GeminiGenerate | Surface::GeminiStream => {
                json!({"error": {"code": status, "message": message, "status": "RESOURCE_EXHAUSTED"}})
            }
            _ => {
                json!({"error": {"message": message, "type": "server_error", "param": null, "code": "scripted"}})
            }
        }
    }
}

/// A stream of server-sent events in the making.
#[derive(Debug)]
struct Events {
    style: SseStyle,
    frames: Vec<Frame>,
    stated: Option<Counts>,
}

impl Events {
    fn new(making: &Making<'_>) -> Self {
        Self { style: making.script.sse, frames: Vec::new(), stated: None }
    }

    fn push(&mut self, event: Option<&str>, data: &Value) {
        let text = match self.style {
            SseStyle::MultiLine => serde_json::to_string_pretty(data).unwrap(),
            _ => data.to_string(),
        };
        self.push_text(event, &text);
    }

    /// Like [`push`](Self::push), with the usage complete.
    fn push_usage(&mut self, event: Option<&str>, data: &Value, stated: Option<Counts>) {
        self.push(event, data);
        self.stated = stated.or(self.stated);
        if let Some(last) = self.frames.last_mut() {
            last.has_usage = stated.is_some();
        }
    }

    fn push_text(&mut self, event: Option<&str>, data: &str) {
        let (end, blank) = match self.style {
            SseStyle::CrLf => ("\r\n", " "),
            SseStyle::Cr => ("\r", " "),
            SseStyle::NoSpace => ("\n", ""),
            SseStyle::Plain | SseStyle::Comments | SseStyle::MultiLine => ("\n", " "),
        };
        let mut text = String::new();
        if self.style == SseStyle::Comments {
            text.push_str(": a comment\n\nid: 7\nretry: 1000\n");
        }
        if let Some(event) = event {
            text.extend(["event:", blank, event, end]);
        }
        for line in data.split('\n') {
            text.extend(["data:", blank, line, end]);
        }
        text.push_str(end);
        self.frames.push(Frame { bytes: text.into_bytes(), has_usage: false });
    }
}

/// Whether the script wants the error frame instead of the content frame number `index`, counted from 0.
fn errs_at(making: &Making<'_>, index: usize) -> bool {
    making.script.error_frame == Some(index)
}

/// `part` of the completion after `done` of `all` frames: for usage that is stated as it grows.
fn grown(completion: i64, done: usize, all: usize) -> i64 {
    completion * i64::try_from(done).unwrap() / i64::try_from(all.max(1)).unwrap()
}
