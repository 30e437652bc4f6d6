// Stage 1 in Java: one thread serves one client at a time, however long that takes.
//
// java Server.java 8080        then, in another terminal:  curl -d hello 127.0.0.1:8080

import java.io.*;
import java.net.*;
import java.util.*;

class Server {
    static final int LIMIT = 1 << 20; // bytes of a line, and of a body

    public static void main(String[] args) throws IOException {
        var listener = new ServerSocket(Integer.parseInt(args[0]), 128, InetAddress.getByName("127.0.0.1"));
        while (true) {
            try (var client = listener.accept()) {
                serve(client); // no other client is served until this returns
            } catch (IOException error) { // also the end of a connection: a client that is done
                System.err.println("connection over: " + error.getMessage());
            }
        }
    }

    /** One connection, request after request: each body comes back. */
    static void serve(Socket client) throws IOException {
        var in = new DataInputStream(new BufferedInputStream(client.getInputStream()));
        // the only thread waits in readLine, for as long as this client likes
        while (true) {
            var line = readLine(in);
            var fields = new HashMap<String, String>();
            for (String field; !(field = readLine(in)).isBlank(); ) {
                var parts = field.split(":", 2);
                fields.put(parts[0].toLowerCase(Locale.ROOT), parts.length == 2 ? parts[1].strip() : "");
            }
            String length = fields.getOrDefault("content-length", "0"), status = "200 OK";
            boolean known = length.matches("\\d{1,7}") && Integer.parseInt(length) <= LIMIT;
            boolean closes = !line.contains("HTTP/1.1")
                    || fields.getOrDefault("connection", "").toLowerCase(Locale.ROOT).contains("close");
            var body = "this server reads bodies with a Content-Length of up to 1 MiB\n".getBytes();
            if (known && !fields.containsKey("transfer-encoding")) {
                in.readFully(body = new byte[Integer.parseInt(length)]);
            } else {
                status = "400 Bad Request";
                closes = true;
            }
            var response = new ByteArrayOutputStream();
            response.writeBytes(("HTTP/1.1 " + status + "\r\nContent-Type: text/plain\r\nContent-Length: " + body.length
                    + (closes ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n")).getBytes());
            response.writeBytes(body);
            response.writeTo(client.getOutputStream());
            if (closes) return;
        }
    }

    static String readLine(InputStream in) throws IOException {
        var line = new StringBuilder();
        for (int next; line.length() < LIMIT && (next = in.read()) >= 0; line.append((char) next))
            if (next == '\n') return line + "\n";
        throw new EOFException("the client is done, or its line is too long");
    }
}
