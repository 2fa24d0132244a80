# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 as bytes, for both ends of a test: strict enough to notice what a lenient client
forgives."""

import re
import socket
import struct


class Broken(Exception):
    """The peer's bytes are no HTTP message, or end before the message does."""


class Message:
    """A request or an answer as it was on the wire."""

    def __init__(self, start, headers):
        self.start = start
        self.headers = headers  # [(name, value)], in order, as written
        self.body = b""
        self.end = "complete"  # complete; cut: the connection ended before the body did
        self.reads = 0

    def header(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def status(self):
        return int(self.start.split(" ")[1])


class Connection:
    """A socket with a buffer. Times out by itself: a test must not hang."""

    def __init__(self, sock, timeout=10.0):
        sock.settimeout(timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.buffer = b""
        self.ended = False
        self.reads = 0

    def more(self):
        """Reads once; False at the end of the peer's bytes."""
        if self.ended:
            return False
        try:
            piece = self.sock.recv(65536)
        except ConnectionError:
            piece = b""
        if not piece:
            self.ended = True
            return False
        self.reads += 1
        self.buffer += piece
        return True

    def until(self, mark):
        while mark not in self.buffer:
            if not self.more():
                raise Broken(f"ended before {mark!r}: {self.buffer[-200:]!r}")
        found, self.buffer = self.buffer.split(mark, 1)
        return found

    def take(self, count):
        """Up to `count` bytes: fewer only at the end."""
        while len(self.buffer) < count and self.more():
            pass
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def at_end(self):
        """True when the peer has closed and said nothing more."""
        while self.more():
            pass
        return not self.buffer

    def send(self, data, every_byte=False):
        if not every_byte:
            self.sock.sendall(data)
            return
        for i in range(len(data)):
            self.sock.sendall(data[i : i + 1])

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


def read_head(connection):
    text = connection.until(b"\r\n\r\n").decode("latin-1")
    lines = text.split("\r\n")
    headers = []
    for line in lines[1:]:
        match = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*", line)
        if match is None:
            raise Broken(f"malformed header line {line!r}")
        headers.append(match.groups())
    return Message(lines[0], headers)


def read_chunked(connection, message, enough):
    while True:
        size_line = connection.until(b"\r\n")
        if not re.fullmatch(rb"[0-9a-fA-F]+", size_line):
            raise Broken(f"malformed chunk size {size_line!r}")
        size = int(size_line, 16)
        if size == 0:
            if connection.take(2) != b"\r\n":
                raise Broken("the last chunk is not followed by an empty line")
            return
        piece = connection.take(size)
        message.body += piece
        if len(piece) < size or connection.take(2) != b"\r\n":
            raise Broken("a chunk is cut")
        if enough is not None and enough(message.body):
            message.end = "open"
            return


def read_body(connection, message, enough=None):
    """Reads the body; `enough(body)` may stop a chunked one early. A cut body sets message.end."""
    lengths = message.all("content-length")
    encodings = message.all("transfer-encoding")
    if lengths and encodings:
        raise Broken("both Content-Length and Transfer-Encoding")
    if encodings:
        try:
            read_chunked(connection, message, enough)
        except Broken as broken:
            if not connection.ended:
                raise
            message.end = "cut"
            message.why = str(broken)
    elif lengths:
        if len(lengths) > 1 or not lengths[0].isdigit():
            raise Broken("Content-Length is not one number")
        message.body = connection.take(int(lengths[0]))
        if len(message.body) < int(lengths[0]):
            message.end = "cut"


def read_request(connection):
    """The next request, or None when the peer has closed between two."""
    while b"\r\n\r\n" not in connection.buffer:
        if not connection.more():
            if connection.buffer:
                raise Broken(f"half a request: {connection.buffer[:200]!r}")
            return None
    message = read_head(connection)
    read_body(connection, message)
    return message


def read_answer(connection, enough=None, head_request=False):
    message = read_head(connection)
    if not re.fullmatch(r"HTTP/1\.1 [1-5][0-9][0-9] [ -~]*", message.start):
        raise Broken(f"malformed status line {message.start!r}")
    if head_request or message.status < 200 or message.status in (204, 304):
        return message
    if not message.all("content-length") and not message.all("transfer-encoding"):
        while connection.more():
            pass
        message.body, connection.buffer = connection.buffer, b""
        return message
    read_body(connection, message, enough)
    return message


def connect(port, timeout=10.0):
    sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    return Connection(sock, timeout)


def get(port, path, timeout=10.0):
    """GET on a fresh connection: (status, body)."""
    connection = connect(port, timeout)
    try:
        connection.send(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        answer = read_answer(connection)
        return answer.status, answer.body
    finally:
        connection.close()


def ask_unix(path_of_socket, request, timeout=10.0):
    """One request on a fresh connection to a unix socket: (status, body)."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    sock.connect(path_of_socket)
    connection = Connection.__new__(Connection)
    connection.sock, connection.buffer, connection.ended, connection.reads = sock, b"", False, 0
    try:
        connection.send(request)
        answer = read_answer(connection)
        return answer.status, answer.body
    finally:
        connection.close()


def get_unix(path_of_socket, path, timeout=10.0):
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    return ask_unix(path_of_socket, request.encode(), timeout)


def post_unix(path_of_socket, path, body, timeout=10.0):
    request = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return ask_unix(path_of_socket, request.encode() + body, timeout)
