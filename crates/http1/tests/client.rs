//! The client's side of a connection: reading what a server sends.

use http1::{
    BadMessage, ClientConnection, ClientRequest, Connection, Method, Request, Response,
    ResponseLike, ResponseSummary, encode_request,
};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::thread;
use tokio::net::TcpStream;

/// Connects to a server that sends these bytes without reading a request, and then ends its side.
async fn connect<M: ResponseLike>(sent: impl AsRef<[u8]> + Send + 'static) -> ClientConnection<M> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound listener");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        stream.write_all(sent.as_ref()).expect("a client that reads");
        stream.shutdown(Shutdown::Write).expect("an open connection");
        let _ = stream.read_to_end(&mut Vec::new()); // a reset is fine, too
    });
    ClientConnection::new(TcpStream::connect(address).await.expect("a listener"))
}

#[track_caller]
fn assert_response(response: &Response, status: u16, body: &str) {
    assert_eq!((response.status().as_u16(), &response.body()[..]), (status, body.as_bytes()));
}

#[tokio::test]
async fn interim_responses_are_skipped() {
    let sent = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let mut connection = connect::<Response>(sent).await;
    assert_response(&connection.read_response(false).await.unwrap().unwrap(), 200, "hello");
    assert!(!connection.is_over());
    assert!(connection.read_response(false).await.unwrap().is_none());
    assert!(connection.is_over());
}

#[tokio::test]
async fn responses_are_read_one_after_another() {
    let sent = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\
        HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n\
        HTTP/1.1 204 No Content\r\n\r\n\
        HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nworld\
        HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let mut connection = connect::<Response>(sent).await;
    assert_response(&connection.read_response(true).await.unwrap().unwrap(), 200, ""); // to HEAD
    assert_response(&connection.read_response(false).await.unwrap().unwrap(), 200, "hello");
    assert_response(&connection.read_response(false).await.unwrap().unwrap(), 204, "");
    assert_response(&connection.read_response(false).await.unwrap().unwrap(), 404, "world");
    assert!(!connection.is_over());
    assert_response(&connection.read_response(false).await.unwrap().unwrap(), 503, "");
    assert!(connection.is_over());
}

#[tokio::test]
async fn a_response_without_a_length_lasts_until_the_connection_ends() {
    let mut connection = connect::<Response>("HTTP/1.1 200 OK\r\n\r\nhello").await;
    assert_response(&connection.read_response(false).await.unwrap().unwrap(), 200, "hello");
    assert!(connection.is_over());
}

#[tokio::test]
async fn an_http_10_response_without_keep_alive_ends_the_connection() {
    let mut connection =
        connect::<Response>("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
    assert_response(&connection.read_response(false).await.unwrap().unwrap(), 200, "hello");
    assert!(connection.is_over());
}

#[tokio::test]
async fn a_truncated_response_is_an_error() {
    for sent in [
        "H",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200",
    ] {
        let mut connection = connect::<Response>(sent).await;
        let error = connection.read_response(false).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{sent:?}");
        assert!(connection.is_over());
    }
}

#[tokio::test]
async fn a_malformed_response_is_an_error_that_says_why() {
    for (sent, why) in [
        ("hello\r\n", BadMessage::NotHttp),
        ("SSH-2.0-OpenSSH_9.6\r\n", BadMessage::NotHttp),
        ("HTTP/2 200\r\n\r\n", BadMessage::StatusLine),
        ("HTTP/1.1  200 OK\r\n\r\n", BadMessage::StatusLine),
        ("HTTP/1.1 99 Low\r\n\r\n", BadMessage::StatusLine),
        ("HTTP/1.1 099 Low\r\n\r\n", BadMessage::StatusLine),
        ("HTTPS\r\n", BadMessage::NotHttp),
        ("HTTP/1.1 200 OK\r\nX y: z\r\n\r\n", BadMessage::FieldName),
        ("HTTP/1.1 200 OK\r\nX : y\r\n\r\n", BadMessage::FieldName),
        ("HTTP/1.1 200 OK\r\n X: y\r\n\r\n", BadMessage::FieldName), // RFC 9112 §2.2
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", BadMessage::ProtocolSwitched),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            BadMessage::ContentLengthsDiffer,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            BadMessage::LengthAndCoding,
        ),
        (
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            BadMessage::CodingInHttp10,
        ), // RFC 9112 §6.1
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\n", BadMessage::ChunkSize),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5  \r\n", BadMessage::ChunkSize),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 67108865\r\n\r\n",
            BadMessage::BodyTooLong(67_108_864),
        ),
    ] {
        let mut connection = connect::<Response>(sent).await;
        let error = connection.read_response(false).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{sent:?}");
        let bad = error.get_ref().and_then(|inner| inner.downcast_ref::<BadMessage>());
        assert_eq!(bad, Some(&why), "{sent:?}");
        assert!(connection.is_over(), "the start of the next response is unknown");
    }
}

#[tokio::test]
async fn a_response_may_be_larger_than_a_request() {
    let body = "x".repeat(2 * http1::MAX_BODY);
    let mut connection = connect::<Response>(format!("HTTP/1.1 200 OK\r\n\r\n{body}")).await;
    assert!(*connection.read_response(false).await.unwrap().unwrap().body() == body);
    let mut connection = connect::<Response>(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
    .await;
    assert!(*connection.read_response(false).await.unwrap().unwrap().body() == body);
}

#[tokio::test]
async fn a_summary_drops_a_body_of_any_length_and_framing() {
    let body = "x".repeat(70 * 1024 * 1024); // over the limit of a complete response
    let length = body.len();
    for sent in [
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"),
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
        ),
        format!("HTTP/1.1 200 OK\r\n\r\n{body}"),
    ] {
        let mut connection = connect::<ResponseSummary>(sent).await;
        assert_eq!(connection.read_response(false).await.unwrap().unwrap().status, 200);
        assert!(!connection.has_surplus());
        assert!(connection.is_over() || connection.read_response(false).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_stale() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connect = || TcpStream::connect(listener.local_addr().unwrap());
    let client = ClientConnection::<ResponseSummary>::new(connect().await.unwrap());
    let server = listener.accept().await.unwrap().0;
    assert!(!client.is_stale());
    drop(server);
    while !client.is_stale() {
        tokio::task::yield_now().await; // until the end of the connection has arrived
    }
}

#[tokio::test]
async fn unrequested_bytes_after_a_response_make_the_connection_stale() {
    let response = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let mut connection = connect::<ResponseSummary>(response.repeat(100)).await;
    assert_eq!(connection.read_response(false).await.unwrap().unwrap().status, 200);
    while !connection.is_stale() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_server_reads_what_a_client_sends() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = ClientConnection::<Response>::new(
        TcpStream::connect(listener.local_addr().unwrap()).await.unwrap(),
    );
    let mut server = Connection::new(listener.accept().await.unwrap().0);
    for body in ["", "hello"] {
        let mut request = ClientRequest::new(Method::PUT, "/events?a".parse().unwrap());
        request.body = body.into();
        let mut bytes = Vec::new();
        encode_request(&request, "a", &mut bytes);
        client.send(&bytes).await.unwrap();
        let request = server_request(&mut server).await.unwrap();
        assert_eq!((request.path(), &request.body()[..]), ("/events", body.as_bytes()));
        server.write_response(Response::text(request.into_body())).await.unwrap();
        assert_response(&client.read_response(false).await.unwrap().unwrap(), 200, body);
    }
    drop(client);
    assert!(server_request(&mut server).await.is_none());
}

/// Reads until a request is complete; `None` at the end of the input.
async fn server_request(server: &mut Connection) -> Option<Request> {
    loop {
        match server.decode().expect("a well-formed request") {
            None if server.read().await.expect("an open connection") > 0 => {}
            request => return request,
        }
    }
}

/// Reads a response as both kinds, which must agree; its body, and its status.
async fn read(sent: &str) -> (u16, Response) {
    let response = connect::<Response>(sent.to_owned()).await.read_response(false).await;
    let response =
        response.unwrap_or_else(|error| panic!("{sent:?}: {error}")).expect("a response");
    let summary = connect::<ResponseSummary>(sent.to_owned()).await.read_response(false).await;
    let summary = summary.expect("a summary as well").expect("a response");
    assert_eq!(
        (summary.status(), summary.retry_after()),
        (response.status(), response.retry_after()),
        "{sent:?}"
    );
    (response.status().as_u16(), response)
}

#[tokio::test]
async fn a_client_reads_what_a_server_would_reject() {
    for fields in [
        "Content-Length: 5",
        "Content-Length:\r\n 5",
        "X: y\r\n\tz\r\n  \r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: 5\r\nContent-Length: 5",
    ] {
        for version in ["HTTP/1.1", "HTTP/1.2", "HTTP/1.9"] {
            let (status, response) =
                read(&format!("{version} 200 OK\r\n{fields}\r\n\r\nhello")).await;
            assert_response(&response, status, "hello");
            assert_eq!((status, response.version()), (200, http1::Version::HTTP_11));
        }
    }
}

#[tokio::test]
async fn the_line_ends_of_a_folded_field_are_read_as_spaces() {
    let (_, response) =
        read("HTTP/1.1 200 OK\r\nX: a\r\n b\n\tc\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(response.headers()["x"], "a   b \tc");
    let folded = |length: usize| {
        let value = "x".repeat(length - "X:\r\n ".len());
        format!("HTTP/1.1 200 OK\r\nX:\r\n {value}\r\nContent-Length: 0\r\n\r\n")
    };
    read(&folded(8192)).await;
    let error = connect::<Response>(folded(8193)).await.read_response(false).await.unwrap_err();
    assert_eq!(error.to_string(), "a folded field is longer than 8 KiB");
}

#[tokio::test]
async fn a_coding_that_was_not_offered_is_named() {
    for coding in ["gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", ""] {
        let sent = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n");
        let error = connect::<ResponseSummary>(sent).await.read_response(false).await.unwrap_err();
        let said = error.to_string();
        assert_eq!(
            said,
            format!("chunked is the only transfer coding that this client reads; got \"{coding}\"")
        );
    }
}

#[tokio::test]
async fn retry_after_is_a_number_or_a_date() {
    let at = |seconds: u64| {
        let at = std::time::SystemTime::now() + std::time::Duration::from_secs(seconds);
        httpdate::fmt_http_date(at)
    };
    for (value, seconds) in [
        ("0", Some(0..=0)),
        ("7", Some(7..=7)),
        ("99999999999999999999999", Some(u64::MAX..=u64::MAX)),
        ("+1", None), // RFC 9110 §10.2.3: digits
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0..=0)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Some(0..=0)), // §5.6.7: the obsolete forms, too
        ("Sun Nov  6 08:49:37 1994", Some(0..=0)),
        (&at(3600), Some(3500..=3600)),
    ] {
        let (_, response) = read(&format!(
            "HTTP/1.1 503 Busy\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n"
        ))
        .await;
        let found = response.retry_after();
        match seconds {
            None => assert_eq!(found, None, "{value}"),
            Some(range) => assert!(found.is_some_and(|s| range.contains(&s)), "{value}: {found:?}"),
        }
    }
}

/// Connects to a server that serves one connection with `serve`.
async fn connect_to(
    serve: impl FnOnce(std::net::TcpStream) + Send + 'static,
) -> ClientConnection<ResponseSummary> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound listener");
    thread::spawn(move || serve(listener.accept().expect("a client").0));
    ClientConnection::new(TcpStream::connect(address).await.expect("a listener"))
}

const LARGE: usize = 32 << 20;

/// A request whose body is larger than all buffers on its way.
fn large_request() -> Vec<u8> {
    let mut request = ClientRequest::new(Method::POST, http1::Uri::from_static("/"));
    request.body = vec![b'x'; LARGE].into();
    let mut bytes = Vec::new();
    encode_request(&request, "a", &mut bytes);
    bytes
}

#[tokio::test]
async fn a_response_is_read_while_the_request_is_sent() {
    let mut connection = connect_to(|mut stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n").unwrap();
        let (mut remaining, mut piece) = (LARGE, vec![0; 65536]);
        while remaining > 0 {
            let read = stream.read(&mut piece).unwrap();
            let echoed = read.min(remaining);
            stream.write_all(&piece[..echoed]).unwrap(); // the head counts as body, too
            remaining -= echoed;
        }
        let _ = stream.read_to_end(&mut piece);
    })
    .await;
    let response = connection.exchange(&large_request(), false).await.unwrap().unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
#[cfg_attr(windows, ignore = "under Wine, a socket takes a write of any size at once")]
async fn an_early_final_response_ends_the_sending() {
    for interim in ["", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let mut connection = connect_to(move |mut stream| {
            let _ = stream.read(&mut [0; 1000]).unwrap();
            let response = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nlarge";
            write!(stream, "{interim}{response}").unwrap();
            let (_still_open, forever) = std::sync::mpsc::channel::<()>();
            let _ = (forever.recv(), stream); // it reads no more
        })
        .await;
        let response = connection.exchange(&large_request(), false).await.unwrap().unwrap();
        assert_eq!(response.status(), 413);
        assert!(connection.is_over(), "the rest of the request was never sent");
    }
}
