// Stage 1 in Go: one goroutine serves one client at a time, however long that takes.
//
// go run server.go 8080        then, in another terminal:  curl -d hello 127.0.0.1:8080
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
)

const limit = 1 << 20 // bytes of a body

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		// no other client is served until this returns: there is no `go` before it
		if err := serve(conn); err != nil && err != io.EOF {
			log.Print("connection lost: ", err)
		}
	}
}

// serve reads one connection, request after request, and sends each body back.
func serve(conn net.Conn) error {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for {
		// the only goroutine that serves waits here, for as long as this client likes
		request, err := http.ReadRequest(reader)
		if err != nil {
			return err
		}
		status, closes := "200 OK", request.Close
		body, err := io.ReadAll(io.LimitReader(request.Body, limit+1))
		if err != nil {
			return err
		}
		if len(body) > limit {
			status, body, closes = "413 Content Too Large", []byte("at most 1 MiB\n"), true
		}
		end := map[bool]string{true: "Connection: close\r\n\r\n", false: "\r\n"}[closes]
		head := "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n%s%s"
		if _, err := fmt.Fprintf(conn, head, status, len(body), end, body); err != nil || closes {
			return err
		}
	}
}
