# SPDX-License-Identifier: Apache-2.0
"""A provider for the soak: /good answers well, /bad does everything that providers do wrong."""

import json
import random
import socket
import threading
import time

from harness import http1


def chunked(texts, end=True):
    return b"".join(b"%x\r\n%s\r\n" % (len(t), t) for t in texts) + (b"0\r\n\r\n" if end else b"")


def head(kind, length=None, status="200 OK", extra=b""):
    framing = b"Transfer-Encoding: chunked" if length is None else b"Content-Length: %d" % length
    return b"HTTP/1.1 %s\r\nContent-Type: %s\r\n%s%s\r\n\r\n" % (
        status.encode(),
        kind,
        extra,
        framing,
    )


class FaultyUpstream:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        connection = http1.Connection(sock, 120)
        try:
            while True:
                request = http1.read_request(connection)
                if request is None:
                    return
                path = request.start.split(" ")[1]
                answer = (
                    self._bad
                    if path.startswith("/bad/") and self.random.random() < 0.5
                    else self._good
                )
                if not answer(connection, request, path):
                    return
        except (OSError, http1.Broken):
            pass
        finally:
            connection.close()

    def _good(self, connection, request, path):
        streamed = b'"stream": true' in request.body or b'"stream":true' in request.body
        if path.endswith("/api/chat"):
            return self._ollama(connection, streamed)
        if not streamed:
            body = json.dumps(
                {
                    "id": "c",
                    "choices": [
                        {
                            "index": 0,
                            "message": {"role": "assistant", "content": "y" * 400},
                            "finish_reason": "stop",
                        }
                    ],
                    "usage": {"prompt_tokens": 50, "completion_tokens": 100},
                }
            ).encode()
            connection.send(head(b"application/json", len(body)) + body)
            return True
        connection.send(head(b"text/event-stream"))
        for _ in range(self.random.randrange(1, 8)):
            connection.send(
                chunked([b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'], False)
            )
        connection.send(
            chunked(
                [
                    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
                    b'data: {"choices":[],"usage":{"prompt_tokens":50,"completion_tokens":9}}\n\n',
                    b"data: [DONE]\n\n",
                ]
            )
        )
        return True

    def _ollama(self, connection, streamed):
        last = {
            "model": "llama",
            "created_at": "t",
            "message": {"role": "assistant", "content": "" if streamed else "ok"},
            "done_reason": "stop",
            "done": True,
            "prompt_eval_count": 5,
            "eval_count": 3,
        }
        if not streamed:
            body = json.dumps(last).encode()
            connection.send(head(b"application/json", len(body)) + body)
            return True
        line = {
            "model": "llama",
            "created_at": "t",
            "message": {"role": "assistant", "content": "ok"},
            "done": False,
        }
        connection.send(
            head(b"application/x-ndjson")
            + chunked([json.dumps(x).encode() + b"\n" for x in (line, last)])
        )
        return True

    def _bad(self, connection, request, path):
        what = self.random.randrange(9)
        if what == 0:
            connection.send(
                head(b"application/json", 15, "500 Internal Server Error") + b'{"error":"oops"'[:15]
            )
            return True
        if what == 1:
            connection.send(head(b"text/html", 13) + b"<html></html>")
            return True
        if what == 2:
            connection.reset()
            return False
        if what == 3:  # hangs until the gateway gives up
            while connection.more():
                pass
            return False
        if what == 4:  # cut in the middle of a stream
            connection.send(
                head(b"text/event-stream")
                + chunked(
                    [b'data: {"choices":[{"index":0,"delta":{"content":"half"}}]}\n\n'], False
                )
            )
            connection.reset()
            return False
        if what == 5:  # an error inside 200
            body = b'{"error":{"message":"no capacity","code":503}}'
            connection.send(head(b"application/json", len(body)) + body)
            return True
        if what == 6:  # broken framing
            connection.send(
                b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"
            )
            return False
        if what == 7:  # slow drip
            connection.send(head(b"application/json", 400))
            for _ in range(5):
                connection.send(b"x")
                time.sleep(0.05)
            return False
        connection.send(
            head(b"application/json", 2, "429 Too Many Requests", b"Retry-After: 1\r\n") + b"{}"
        )
        return True
