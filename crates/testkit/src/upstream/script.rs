//! What the upstream shall do with a request, as a struct or as a line of text.
//!
//! ```text
//! prompt=1000 completion=500 reasoning=20 cache_read=100 usage=null cut=200 encoding=gzip
//! ```
//! A test sets it for the upstream as a whole, for a model, for the next request, or in the request itself: in a header
//! `x-script`, or between `[[script ` and `]]` anywhere in the body, which every SDK passes on.

use std::{fmt, str::FromStr, time::Duration};

/// The header that carries a script.
pub const SCRIPT_HEADER: &str = "x-script";

/// How a script begins in a body; it ends with `]]`.
pub const SCRIPT_MARKER: &str = "[[script ";

/// What to answer, and what to do wrong. The default answers rightly, with counts that follow from the request's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// `prompt=`: tokens in, caches, audio and images included. Unset: derived from the request.
    pub prompt: Option<i64>,
    /// `completion=`: tokens out, reasoning and audio included. Unset: derived from the request.
    pub completion: Option<i64>,
    /// `reasoning=`
    pub reasoning: i64,
    /// `cache_read=`
    pub cache_read: i64,
    /// `cache_write_5m=`
    pub cache_write_5m: i64,
    /// `cache_write_1h=`
    pub cache_write_1h: i64,
    /// `audio_input=`
    pub audio_input: i64,
    /// `audio_output=`
    pub audio_output: i64,
    /// `image_input=`
    pub image_input: i64,
    /// `usage=normal|none|null|every|even-in-error`
    pub usage: UsageMode,
    /// `status=`: 400 and more answers an error in the surface's shape.
    pub status: u16,
    /// `html`: a page with that status and `text/html`, as a broken proxy would answer.
    pub html: bool,
    /// `reply=`: the words of the answer, without blanks.
    pub reply: Option<String>,
    /// `finish=`: the finish reason, in the surface's own field.
    pub finish: Option<String>,
    /// `frames=`: content frames in a stream; unset: at most 8, one per completion token.
    pub frames: Option<usize>,
    /// `error_frame=n`: after n content frames an error frame, and the end.
    pub error_frame: Option<usize>,
    /// `stall=n`: after n frames nothing more, until the client goes away.
    pub stall: Option<usize>,
    /// `no_end`: the stream ends without its terminal marker (`[DONE]`, `message_stop`, …).
    pub no_end: bool,
    /// `sse=plain|crlf|cr|nospace|comments|multiline`
    pub sse: SseStyle,
    /// `delay_ms=`: before the headers.
    pub delay: Duration,
    /// `frame_delay_ms=`: before each write of the body.
    pub frame_delay: Duration,
    /// `chunk=n` bytes, or `chunk=random:seed`: how the body is cut into writes. Unset: frame by frame.
    pub split: Split,
    /// `repeat=n`: the body n times over, made while it is sent: with `no_end`, a stream of any length that takes no memory. Not with
    /// `cut` or `stall`.
    pub repeat: usize,
    /// `cut=n`: the connection breaks after n bytes of body.
    pub cut: Option<usize>,
    /// `drop`: the connection breaks before any answer.
    pub drop: bool,
    /// `encoding=gzip|br|zstd|deflate`
    pub encoding: Option<Encoding>,
    /// `replay=id`: a recorded answer (see `ScriptedUpstream::record`).
    pub replay: Option<String>,
    /// `tag=`: only kept in the books, to find the request there.
    pub tag: Option<String>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            prompt: None,
            completion: None,
            reasoning: 0,
            cache_read: 0,
            cache_write_5m: 0,
            cache_write_1h: 0,
            audio_input: 0,
            audio_output: 0,
            image_input: 0,
            usage: UsageMode::Normal,
            status: 200,
            html: false,
            reply: None,
            finish: None,
            frames: None,
            error_frame: None,
            stall: None,
            no_end: false,
            sse: SseStyle::Plain,
            delay: Duration::ZERO,
            frame_delay: Duration::ZERO,
            split: Split::Frames,
            repeat: 1,
            cut: None,
            drop: false,
            encoding: None,
            replay: None,
            tag: None,
        }
    }
}

impl Script {
    /// An answer with these counts.
    pub fn tokens(prompt: i64, completion: i64) -> Self {
        Self { prompt: Some(prompt), completion: Some(completion), ..Self::default() }
    }

    /// The script between the markers in a body, if there is one.
    pub fn in_body(body: &[u8]) -> Option<Result<Self, BadScript>> {
        let text = String::from_utf8_lossy(body);
        let (_, after) = text.split_once(SCRIPT_MARKER)?;
        let (script, _) = after.split_once("]]")?;
        Some(script.parse())
    }
}

/// How the usage is stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageMode {
    /// As the provider does: in a stream of OpenAI's chat only when asked for.
    Normal,
    /// Left out.
    None,
    /// Present and `null`.
    Null,
    /// In every frame of a stream, cumulative, whether asked for or not.
    Every,
    /// Also in the body of an error.
    EvenInError,
}

/// Which of the standard's liberties the event stream takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SseStyle {
    /// `data: …` and LF.
    Plain,
    /// CR LF.
    CrLf,
    /// CR alone.
    Cr,
    /// `data:` without the blank.
    NoSpace,
    /// With comments, ids and retry lines between.
    Comments,
    /// The data of one event over several lines.
    MultiLine,
}

/// How a body is cut into writes, each flushed by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// One write per frame.
    Frames,
    /// Writes of so many bytes, wherever that falls.
    Bytes(usize),
    /// Writes of 1 to 64 bytes, by this seed.
    Random(u64),
}

/// A content encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// gzip
    Gzip,
    /// Brotli
    Br,
    /// Zstandard
    Zstd,
    /// zlib, which HTTP calls deflate
    Deflate,
}

impl Encoding {
    /// As in `Content-Encoding`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Br => "br",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
        }
    }
}

/// A script that says nothing we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadScript {
    word: String,
}

impl fmt::Display for BadScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the scripted upstream does not understand {:?}", self.word)
    }
}

impl std::error::Error for BadScript {}

impl FromStr for Script {
    type Err = BadScript;

    fn from_str(text: &str) -> Result<Self, BadScript> {
        let mut script = Self::default();
        for word in text.split_whitespace() {
            script.set(word).ok_or_else(|| BadScript { word: word.to_owned() })?;
        }
        Ok(script)
    }
}

impl Script {
    fn set(&mut self, word: &str) -> Option<()> {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "prompt" => self.prompt = Some(value.parse().ok()?),
            "completion" => self.completion = Some(value.parse().ok()?),
            "reasoning" => self.reasoning = value.parse().ok()?,
            "cache_read" => self.cache_read = value.parse().ok()?,
            "cache_write_5m" => self.cache_write_5m = value.parse().ok()?,
            "cache_write_1h" => self.cache_write_1h = value.parse().ok()?,
            "audio_input" => self.audio_input = value.parse().ok()?,
            "audio_output" => self.audio_output = value.parse().ok()?,
            "image_input" => self.image_input = value.parse().ok()?,
            "usage" => self.usage = usage_mode(value)?,
            "status" => self.status = value.parse().ok().filter(|status| (200..600).contains(status))?,
            "html" if value.is_empty() => self.html = true,
            "reply" => self.reply = Some(value.to_owned()),
            "finish" => self.finish = Some(value.to_owned()),
            "frames" => self.frames = Some(value.parse().ok()?),
            "error_frame" => self.error_frame = Some(value.parse().ok()?),
            "stall" => self.stall = Some(value.parse().ok()?),
            "no_end" if value.is_empty() => self.no_end = true,
            "sse" => self.sse = sse_style(value)?,
            "delay_ms" => self.delay = Duration::from_millis(value.parse().ok()?),
            "frame_delay_ms" => self.frame_delay = Duration::from_millis(value.parse().ok()?),
            "chunk" => self.split = split(value)?,
            "repeat" => self.repeat = value.parse().ok().filter(|times| *times > 0)?,
            "cut" => self.cut = Some(value.parse().ok()?),
            "drop" if value.is_empty() => self.drop = true,
            "encoding" => self.encoding = Some(encoding(value)?),
            "replay" => self.replay = Some(value.to_owned()),
            "tag" => self.tag = Some(value.to_owned()),
            _ => return None,
        }
        Some(())
    }
}

fn usage_mode(value: &str) -> Option<UsageMode> {
    Some(match value {
        "normal" => UsageMode::Normal,
        "none" => UsageMode::None,
        "null" => UsageMode::Null,
        "every" => UsageMode::Every,
        "even-in-error" => UsageMode::EvenInError,
        _ => return None,
    })
}

fn sse_style(value: &str) -> Option<SseStyle> {
    Some(match value {
        "plain" => SseStyle::Plain,
        "crlf" => SseStyle::CrLf,
        "cr" => SseStyle::Cr,
        "nospace" => SseStyle::NoSpace,
        "comments" => SseStyle::Comments,
        "multiline" => SseStyle::MultiLine,
        _ => return None,
    })
}

fn split(value: &str) -> Option<Split> {
    match value.strip_prefix("random:") {
        Some(seed) => seed.parse().ok().map(Split::Random),
        None => value.parse().ok().filter(|bytes| *bytes > 0).map(Split::Bytes),
    }
}

fn encoding(value: &str) -> Option<Encoding> {
    [Encoding::Gzip, Encoding::Br, Encoding::Zstd, Encoding::Deflate]
        .into_iter()
        .find(|encoding| encoding.as_str() == value)
}

#[cfg(test)]
mod tests;
