"""Stage 1 in Python: one thread serves one client at a time, however long that takes.

python3 server.py 8080        then, in another terminal:  curl -d hello 127.0.0.1:8080
"""

import socket
import sys

LIMIT = 1 << 20  # bytes of a line, and of a body


def serve_all(listener):
    """Serves one client after another."""
    while True:
        client, _ = listener.accept()
        with client:
            try:
                serve(client)  # no other client is served until this returns
            except OSError as error:
                print("connection lost:", error, file=sys.stderr)


def serve(client):
    """One connection, request after request."""
    reader = client.makefile("rb")
    keep_alive = True
    while keep_alive:
        try:
            request = read_request(reader)
        except ValueError as bad:
            request = ("400 Bad Request", f"{bad}\n".encode(), False)
        if request is None:
            return
        status, body, keep_alive = request
        head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
        client.sendall(head.encode() + (b"\r\n" if keep_alive else b"Connection: close\r\n\r\n") + body)


def read_request(reader):
    """The response to the next request, an echo: status, body, keep-alive. None once the client is done."""
    line = reader.readline(LIMIT)  # the only thread waits here, for as long as this client likes
    if not line:
        return None
    fields = {}
    while (field := reader.readline(LIMIT)) not in (b"\r\n", b"\n"):
        name, colon, value = field.decode("latin-1").partition(":")
        if not colon:
            raise ValueError("the head is not HTTP, or ends too early")
        fields[name.lower()] = value.strip()
    length = int(fields.get("content-length", "0"))
    if not 0 <= length <= LIMIT or "transfer-encoding" in fields:
        raise ValueError("this server reads bodies with a Content-Length of up to 1 MiB")
    body = reader.read(length)
    if len(body) < length:
        return None
    return "200 OK", body, b"HTTP/1.1" in line and "close" not in fields.get("connection", "").lower()


serve_all(socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128))
