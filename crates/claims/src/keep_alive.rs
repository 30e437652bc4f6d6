//! How long a connection lasts.

use crate::raw_connection::PATIENCE;
use crate::trial::Trial;
use http1::{Response, header};

fn get(version: &str, connection: &str) -> String {
    format!("GET / HTTP/{version}\r\nHost: check\r\n{connection}\r\n")
}

fn says(response: &Response, wanted: &str) -> bool {
    let values = response
        .headers()
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|member| member.trim().eq_ignore_ascii_case(wanted))
}

/// Sends twenty requests over one connection.
pub(crate) async fn check_keep_alive(trial: &mut Trial) -> Result<String, String> {
    const REQUESTS: usize = 20;
    let mut connection = trial.open().await?;
    for number in 0..REQUESTS {
        let response = trial.ask("one of twenty", &mut connection, get("1.1", ""), PATIENCE).await;
        response.map_err(|instead| format!("after {number} of {REQUESTS}: {instead}"))?;
    }
    Ok(format!("{REQUESTS} over one connection"))
}

/// Sends `Connection: close` and expects it back, and the end of the connection.
pub(crate) async fn check_connection_close(trial: &mut Trial) -> Result<String, String> {
    let request = get("1.1", "Connection: other, CLOSE\r\n");
    let (response, mut connection) =
        trial.ask_on_new_connection("last request", request, PATIENCE).await?;
    connection.end(PATIENCE).await.map_err(|instead| format!("answered, then {instead}"))?;
    if says(&response, "close") {
        Ok("Connection: close, then closed".into())
    } else {
        Err("closed without Connection: close".into())
    }
}

/// Sends HTTP/1.0 requests without and with keep-alive.
pub(crate) async fn check_http10(trial: &mut Trial) -> Result<String, String> {
    let (response, mut connection) =
        trial.ask_on_new_connection("HTTP/1.0", get("1.0", ""), PATIENCE).await?;
    if says(&response, "keep-alive") {
        return Err("kept open without being asked".into());
    }
    connection.end(PATIENCE).await.map_err(|instead| format!("answered, then {instead}"))?;
    drop(connection); // a server with one thread serves the next connection only now
    let kept = get("1.0", "Connection: keep-alive\r\n");
    let (response, mut connection) =
        trial.ask_on_new_connection("HTTP/1.0 to be kept", &kept, PATIENCE).await?;
    if !says(&response, "keep-alive") {
        return Err("closed despite keep-alive".into());
    }
    let second = trial.ask("HTTP/1.0, its second", &mut connection, &kept, PATIENCE).await;
    second.map_err(|instead| format!("promised keep-alive, then {instead}"))?;
    Ok("closed, and kept open with keep-alive".into())
}
