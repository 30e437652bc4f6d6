//! What a server must remember from a request to its response.

use crate::encoder::{self, Encoded, KeepAlive};
use crate::request::Request;
use crate::response::Response;
use http::{Method, Version};
use tracing::debug;

pub(crate) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What a server must remember from a request to its response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    pub(crate) to_head: bool,
    pub(crate) keep_alive: KeepAlive,
    /// The last response is on its way or written; nothing is read any more.
    pub(crate) over: bool,
}

impl Exchange {
    pub(crate) const START: Self =
        Self { to_head: false, keep_alive: KeepAlive::Implied, over: false };

    pub(crate) fn of(request: &Request) -> Self {
        // method and target are visible ASCII, so no line of the log can be forged; but they can be long
        let cut = |text: &str| text.get(..100).unwrap_or(text).to_owned();
        debug!(
            method = cut(request.method().as_str()),
            path = cut(request.path()),
            bytes = request.body().len(),
            "request"
        );
        let keep_alive = match request.persists() {
            false => KeepAlive::Close,
            true if request.version() == Version::HTTP_10 => KeepAlive::Stated,
            true => KeepAlive::Implied,
        };
        Self { to_head: request.method() == Method::HEAD, keep_alive, over: false }
    }

    /// The bytes of this turn's response.
    pub(crate) fn encode(&mut self, response: Response) -> Encoded {
        debug!(status = response.status().as_u16(), bytes = response.body().len(), "response");
        self.over = self.keep_alive == KeepAlive::Close;
        encoder::response(response, self.to_head, self.keep_alive)
    }
}
