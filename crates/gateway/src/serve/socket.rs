//! What a client's connection may take of this machine's memory, whatever its client does.
//!
//! A client that does not read is waited for, for `client_write_timeout`. Meanwhile an answer goes on filling buffers: the library's in
//! both directions, and the kernel's, which grows to megabytes where the network is fast. Tokens that lie in a buffer are of no use to
//! anyone, so each is held to what keeps a connection busy. Then thousands of such clients cost little, and their upstreams wait, too.

use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;

/// What HTTP/1 keeps of one direction of a connection, and so the largest head of a request. The library's own limit is 400 KB.
const HTTP1_BUFFER_BYTES: usize = 128 * 1024;
/// What HTTP/2 keeps of one stream that its client takes nothing of. The library's own limit is 400 KB.
const HTTP2_STREAM_BUFFER_BYTES: usize = 64 * 1024;
/// What the kernel takes of an answer before its client has room for it.
const UNSENT_BYTES: u32 = 128 * 1024;

/// Prepares the socket of a connection that was accepted. What cannot be set is a loss of speed or of memory, not of anything else.
pub(super) fn prepare(stream: &TcpStream) {
    // Tokens are small and late enough.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES) {
        tracing::debug!(%error, "TCP_NOTSENT_LOWAT could not be set");
    }
}

/// Holds the library to the same.
pub(super) fn bound(http: &mut auto::Builder<TokioExecutor>) {
    http.http1().max_buf_size(HTTP1_BUFFER_BYTES);
    http.http2().max_send_buf_size(HTTP2_STREAM_BUFFER_BYTES);
}
