"""Stage 1 with Python's http.server, or stage 2 with --threads: it echoes what is posted.

python3 bridges/echo.py [--threads] [--addr HOST:PORT]
"""

import argparse
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer


class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


parser = argparse.ArgumentParser()
parser.add_argument("--addr", default="127.0.0.1:8080")
parser.add_argument("--threads", action="store_true")
args = parser.parse_args()
host, port = args.addr.rsplit(":", 1)
HTTPServer.request_queue_size = 128  # instead of 5: connects that find no place are tried again after whole seconds
server = (ThreadingHTTPServer if args.threads else HTTPServer)((host, int(port)), Echo)
print(f"listening on http://{host}:{server.server_address[1]}", flush=True)
server.serve_forever()
