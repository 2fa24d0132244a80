# SPDX-License-Identifier: Apache-2.0
"""A server that is found as Ollama is."""

import http.server
import json
import threading

ABLE = {"capabilities": ["completion", "tools"], "model_info": {"qwen3.context_length": 40960}}


class Ollama(http.server.BaseHTTPRequestHandler):
    """Two models and a fixed answer: enough to be found, and to answer a banner's curl."""

    protocol_version = "HTTP/1.1"

    def send(self, body):
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        self.send({"models": [{"name": "llama3.2:1b"}, {"name": "qwen3:8b"}]})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/api/show":
            self.send(ABLE if b"qwen3" in body else {"capabilities": ["completion"]})
            return
        message = {"role": "assistant", "content": "hello from the stub"}
        self.send(
            {
                "model": "m",
                "created_at": "2026-01-01T00:00:00Z",
                "message": message,
                "done": True,
                "done_reason": "stop",
                "prompt_eval_count": 5,
                "eval_count": 4,
            }
        )

    def log_message(self, *arguments):
        pass


def start_ollama():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ollama)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
