//! Stage 1 on tiny_http: whatever came goes back, one request after another.

use clap::Parser;
use tiny_http::{Header, Response, Server};

/// Echoes.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value = "127.0.0.1:8080")]
    addr: String,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let server = Server::http(&options.addr).map_err(anyhow::Error::from_boxed)?;
    peers::announce(server.server_addr().to_ip().ok_or_else(|| anyhow::anyhow!("no address"))?)?;
    let field =
        |field: &str| field.parse::<Header>().map_err(|()| anyhow::anyhow!("no field: {field}"));
    let fields = [
        field("Content-Type: text/plain; charset=utf-8")?,
        field("X-Content-Type-Options: nosniff")?,
    ];
    for mut request in server.incoming_requests() {
        let mut body = Vec::new();
        request.as_reader().read_to_end(&mut body)?;
        let mut response = Response::from_data(body);
        for field in &fields {
            response.add_header(field.clone());
        }
        let _ = request.respond(response); // a client that has left is not an error
    }
    Ok(())
}
