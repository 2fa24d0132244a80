# SPDX-License-Identifier: Apache-2.0
"""The two witnesses of a crash test: an upstream that notes every request it got and every answer
it gave, and clients that note every answer they received in full. Requests are numbered; the
upstream reports the number as prompt tokens, so that the ledger's rows tell which request they
charge."""

import json
import re
import socket
import threading

from harness import http1

OUTPUT_TOKENS = 7
JUDGE_TOKENS = 1
NUMBER = re.compile(rb"request-(\d+)-")


MODEL = re.compile(rb'"model": ?"([a-z]+)-1"')
GRADED = b"You grade an answer"


def cascade_answer(body, number):
    """What a model of the cascade says: every third answer of the small one is empty, every third
    is one that the judge finds poor."""
    if GRADED in body:
        poor = number % 3 == 2 and b"strong" not in body
        return "1" if poor else "9", JUDGE_TOKENS
    strong = MODEL.search(body).group(1) == b"strong"
    text = f"{'strong ' if strong else ''}answer {number}"
    return "" if number % 3 == 0 and not strong else text, OUTPUT_TOKENS


def cascade_asks(number):
    """The targets that are asked, in order, until an answer is good enough."""
    return (
        ["small", "strong", "judge"],
        ["small", "judge"],
        ["small", "judge", "strong", "judge"],
    )[number % 3]


def whole_answer(number, content=None, output=None):
    content = f"answer {number}" if content is None else content
    output = OUTPUT_TOKENS if output is None else output
    body = json.dumps(
        {
            "id": f"c{number}",
            "object": "chat.completion",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": number, "completion_tokens": output},
        }
    ).encode()
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % len(body)
    ) + body


def streamed_answer(number, content=None):
    content = f"answer {number}" if content is None else content
    events = [
        {"choices": [{"index": 0, "delta": {"content": content}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": number, "completion_tokens": OUTPUT_TOKENS}},
    ]
    texts = [b"data: " + json.dumps(e).encode() + b"\n\n" for e in events] + [b"data: [DONE]\n\n"]
    chunks = [b"%x\r\n%s\r\n" % (len(t), t) for t in texts] + [b"0\r\n\r\n"]
    return [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunks[0],
        b"".join(chunks[1:]),
    ]


class NotingUpstream:
    """With `cascade` it is a small model, a strong one and a judge; what it received is noted as
    (target, number) then."""

    def __init__(self, cascade=False):
        self.cascade = cascade
        self.received = []  # numbers, in full
        self.answered = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        connection = http1.Connection(sock, 60)
        try:
            while True:
                request = http1.read_request(connection)
                if request is None:
                    return
                number = int(NUMBER.search(request.body).group(1))
                streamed = b'"stream":true' in request.body
                content, output = None, None
                if self.cascade:
                    target = MODEL.search(request.body).group(1).decode()
                    self.received.append((target, number))
                    content, output = cascade_answer(request.body, number)
                else:
                    self.received.append(number)
                for piece in (
                    streamed_answer(number, content)
                    if streamed
                    else [whole_answer(number, content, output)]
                ):
                    connection.send(piece)
                self.answered.append(number)
        except (OSError, http1.Broken):
            pass
        finally:
            connection.close()

    def close(self):
        """A thread that still accepts would take connections from the next listener with the same
        descriptor."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.listener.close()


class Clients:
    """Threads that call one after the other, whole and streamed in turn, until they are told to
    stop. With `again` each asks the same once more, and must get the same from the cache."""

    def __init__(self, port, count, numbers, again=False):
        self.port = port
        self.again = again
        self.repeated = {}  # number -> call id, of answers received in full once more
        self.numbers = numbers  # an iterator shared by all rounds
        self.lock = threading.Lock()
        self.complete = {}  # number -> call id, of answers received in full
        self.problems = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def _next(self):
        with self.lock:
            return next(self.numbers)

    def _run(self):
        try:
            connection = http1.connect(self.port, 20)
        except OSError:
            return
        try:
            while not self.stopping.is_set():
                number = self._next()
                first = self._call(connection, number)
                if self.again and first is not None:
                    self._repeat(connection, number, first)
        except (OSError, http1.Broken):
            pass  # the gateway was killed
        finally:
            connection.close()

    def _repeat(self, connection, number, first):
        answer = self._ask(connection, number)
        same = answer.body == first.body and answer.header("x-sluice-cache") == "hit"
        if answer.status != 200:
            self.refuse(number, answer)
        elif answer.end == "complete" and not same:
            told = f"{answer.start} {answer.body[:300]!r}"
            self.problems.append(f"request {number} once more: {told}")
        elif answer.end == "complete":
            with self.lock:
                self.repeated[number] = answer.header("x-sluice-call-id")

    def _ask(self, connection, number):
        streamed = number % 2 == 1
        body = json.dumps(
            {
                "model": "auto",
                "max_tokens": 20,
                "messages": [{"role": "user", "content": f"request-{number}-"}],
                **({"stream": True} if streamed else {}),
            },
            separators=(",", ":"),
        ).encode()
        connection.send(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        return http1.read_answer(connection)

    def _call(self, connection, number):
        """The answer, if it is one and complete."""
        streamed = number % 2 == 1
        answer = self._ask(connection, number)
        full = answer.body.endswith(b"data: [DONE]\n\n") if streamed else answer.end == "complete"
        if answer.status != 200:
            self.refuse(number, answer)
        elif full:
            if b"answer %d" % number not in answer.body:
                self.problems.append(
                    f"request {number} got another's answer: {answer.body[:300]!r}"
                )
            with self.lock:
                self.complete[number] = answer.header("x-sluice-call-id")
            return answer
        return None

    def refuse(self, number, answer):
        self.problems.append(f"request {number}: {answer.start} {answer.body[:300]!r}")

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
