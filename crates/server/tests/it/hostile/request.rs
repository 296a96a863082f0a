//! A chat as a well-bred client sends it, to be spoilt.

use super::wire::Act;

/// A prompt that says hi.
pub(crate) const HI: &str = r#"{"model":"hostile","messages":[{"role":"user","content":"hi"}]}"#;
/// The same as a stream.
pub(crate) const STREAM: &str =
    r#"{"model":"hostile","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

/// A request in the making: every part can be taken out, doubled or broken.
#[derive(Clone)]
pub(crate) struct Request {
    line: Vec<u8>,
    fields: Vec<Vec<u8>>,
    body: Vec<u8>,
    line_end: &'static str,
}

/// A chat with the attacker's key, a right length, and a connection that ends with it.
pub(crate) fn chat(body: impl AsRef<[u8]>) -> Request {
    Request {
        line: b"POST /v1/chat/completions HTTP/1.1".to_vec(),
        fields: vec![
            b"host: gateway".to_vec(),
            b"authorization: Bearer {key}".to_vec(),
            b"content-type: application/json".to_vec(),
            format!("content-length: {}", body.as_ref().len()).into_bytes(),
            b"connection: close".to_vec(),
        ],
        body: body.as_ref().to_vec(),
        line_end: "\r\n",
    }
}

/// The usual chat.
pub(crate) fn hi() -> Request {
    chat(HI)
}

impl Request {
    /// Another first line.
    pub(crate) fn line(mut self, line: impl AsRef<[u8]>) -> Self {
        self.line = line.as_ref().to_vec();
        self
    }

    /// To another path.
    pub(crate) fn to(self, path: &str) -> Self {
        self.line(format!("POST {path} HTTP/1.1"))
    }

    /// Without the fields of this name.
    pub(crate) fn without(mut self, name: &str) -> Self {
        let start = format!("{name}:");
        self.fields.retain(|field| !field.starts_with(start.as_bytes()));
        self
    }

    /// One more field, in any bytes.
    pub(crate) fn with(mut self, field: impl AsRef<[u8]>) -> Self {
        self.fields.push(field.as_ref().to_vec());
        self
    }

    /// With another field in place of that of its name.
    pub(crate) fn instead(self, field: &str) -> Self {
        let (name, _) = field.split_once(':').unwrap();
        self.without(name).with(field)
    }

    /// In these chunks, with what ends them.
    pub(crate) fn chunked(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self.without("content-length").with("transfer-encoding: chunked")
    }

    /// Line ends of another kind.
    pub(crate) fn line_end(mut self, line_end: &'static str) -> Self {
        self.line_end = line_end;
        self
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.line.clone();
        for field in &self.fields {
            bytes.extend_from_slice(self.line_end.as_bytes());
            bytes.extend_from_slice(field);
        }
        bytes.extend_from_slice(self.line_end.as_bytes());
        bytes.extend_from_slice(self.line_end.as_bytes());
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The head alone.
    pub(crate) fn head(&self) -> Vec<u8> {
        Self { body: Vec::new(), ..self.clone() }.bytes()
    }

    /// Sent in one go.
    pub(crate) fn sent(&self) -> Vec<Act> {
        vec![Act::Send(self.bytes())]
    }
}

/// `body` in one right chunk, with the end.
pub(crate) fn one_chunk(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}
