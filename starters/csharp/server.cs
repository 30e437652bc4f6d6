// Stage 1 in C#: one thread serves one client at a time, however long that takes.
//
// dotnet run server.cs -- 8080        then, in another terminal:  curl -d hello 127.0.0.1:8080

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;

static class Server {
    const int Limit = 1 << 20; // bytes of a line, and of a body

    static void Main(string[] args) {
        var listener = new TcpListener(IPAddress.Loopback, int.Parse(args[0]));
        listener.Start(128);
        while (true) {
            try {
                using (var client = listener.AcceptTcpClient())
                    Serve(client.GetStream()); // no other client is served until this returns
            } catch (IOException error) { Console.Error.WriteLine("connection lost: " + error.Message); }
        }
    }

    /// One connection, request after request: each body comes back.
    static void Serve(Stream stream) {
        var reader = new BufferedStream(stream);
        // the only thread waits in ReadLine, for as long as this client likes
        for (string line, field; (line = ReadLine(reader)) != null; ) {
            var fields = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            while ((field = ReadLine(reader)?.Trim()) != "") {
                if (field == null) return;
                var parts = field.Split(new[] { ':' }, 2);
                fields[parts[0]] = parts.Last().Trim();
            }
            var closes = !line.Contains("HTTP/1.1")
                || fields.TryGetValue("connection", out var connection) && connection.ToLower().Contains("close");
            var (status, length) = ("200 OK", 0);
            if (fields.ContainsKey("transfer-encoding") || fields.TryGetValue("content-length", out var text)
                && (!int.TryParse(text, out length) || length < 0 || length > Limit))
                (status, length, closes) = ("400 Bad Request", 0, true);
            var body = new byte[length];
            for (int at = 0, read; at < length; at += read)
                if ((read = reader.Read(body, at, length - at)) == 0) return;
            var end = closes ? "Connection: close\r\n\r\n" : "\r\n";
            var head = $"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n{end}";
            stream.Write(Encoding.ASCII.GetBytes(head).Concat(body).ToArray(), 0, head.Length + length);
            if (closes) return;
        }
    }

    static string ReadLine(Stream stream) {
        var line = new StringBuilder();
        for (int next; line.Length < Limit && (next = stream.ReadByte()) >= 0; )
            if (line.Append((char)next)[line.Length - 1] == '\n') return line.ToString();
        return null; // the client is done
    }
}
