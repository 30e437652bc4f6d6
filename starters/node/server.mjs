// Stage 1 in JavaScript: one client at a time, however long that takes.
//
// node server.mjs 8080        then, in another terminal:  curl -d hello 127.0.0.1:8080

import { on } from "node:events";
import { createServer } from "node:net";

const LIMIT = 1 << 20; // bytes of a head, and of a body

/** Serves one client after another. */
async function serveAll(listener) {
  for await (const [socket] of on(listener, "connection")) {
    // no other client is served until this one is done: take `await` away, and that is stage 2
    await serve(socket).catch((error) => console.error("connection lost:", error.message));
    socket.destroy();
  }
}

/** One connection, request after request. */
async function serve(socket) {
  let buffer = Buffer.alloc(0);
  // the loop waits here, for as long as this client likes
  for await (const chunk of socket) {
    buffer = Buffer.concat([buffer, chunk]);
    for (let request; (request = decode(buffer)); buffer = buffer.subarray(request.size)) {
      const { status, body, keepAlive } = request;
      const end = keepAlive ? "\r\n" : "Connection: close\r\n\r\n";
      const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n${end}`;
      await new Promise((sent) => socket.write(Buffer.concat([Buffer.from(head), body]), sent));
      if (!keepAlive) return;
    }
  }
}

/** The response to the first request, an echo, and the size of the request; undefined as long as a part is missing. */
function decode(buffer) {
  const [head, blank] = buffer.toString("latin1").split(/(\r?\n\r?\n)/, 2);
  if (!blank) return head.length > LIMIT ? bad("the head is too long") : undefined;
  const [line, ...rest] = head.split(/\r?\n/);
  const fields = new Map(rest.map((field) => field.toLowerCase().split(/:\s*/, 2)));
  const length = Number(fields.get("content-length") ?? 0);
  if (!(length >= 0 && length <= LIMIT) || fields.has("transfer-encoding")) {
    return bad("this server reads bodies with a Content-Length of up to 1 MiB");
  }
  const start = head.length + blank.length;
  if (buffer.length < start + length) return undefined;
  const keepAlive = line.endsWith("HTTP/1.1") && !fields.get("connection")?.includes("close");
  return { status: "200 OK", body: buffer.subarray(start, start + length), keepAlive, size: start + length };
}

function bad(why) {
  return { status: "400 Bad Request", body: Buffer.from(`${why}\n`), keepAlive: false, size: 0 };
}

// a half-closed client still gets its response
const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true });
listener.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 128 });
await serveAll(listener);
