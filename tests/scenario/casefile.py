# SPDX-License-Identifier: Apache-2.0
"""
The format of a scenario: one text file, sections in the order of events.
tests/scenario/README.md explains it.

    # The first comment says what the case shows.
    [fleet] one
    [client sends]
    POST /v1/chat/completions
    Content-Type: application/json

    {"model": "auto", ...}
    [upstream lab expects]
    ...
"""

import gzip
import os
import re
import struct
import zlib

SECTION = re.compile(r"\[([a-z][a-z0-9 -]*)\](?: +(.*))?")
ESCAPE = re.compile(r"\\(\\|r|n|t|0|x[0-9a-fA-F]{2}|\n)")


class CaseError(Exception):
    pass


class Section:
    def __init__(self, kind, argument, line):
        self.kind = kind
        self.options = [o.strip() for o in argument.split(",")] if argument else []
        self.argument = argument or ""
        self.line = line
        self.lines = []

    def has(self, option):
        return option in self.options

    def text(self):
        lines = list(self.lines)
        while lines and not lines[-1].strip():
            lines.pop()
        return "\n".join(lines)


class Case:
    def __init__(self, path):
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.path = path
        self.says = ""
        self.sections = []
        self._read(path)

    def _read(self, path):
        said = []
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file.read().split("\n"), 1):
                match = SECTION.fullmatch(line)
                if match:
                    self.sections.append(Section(match.group(1), match.group(2), number))
                elif self.sections:
                    self.sections[-1].lines.append(line)
                elif line.startswith("#") and "SPDX" not in line:
                    said.append(line[1:].strip())
                elif line.strip() and not line.startswith("#"):
                    raise CaseError(f"{path}:{number}: text before the first section")
        self.says = " ".join(said).rstrip(".")
        if not self.says:
            raise CaseError(f"{path}: the first comment must say what the case shows")

    def first(self, kind):
        return next((s for s in self.sections if s.kind == kind), None)

    def all(self, kind):
        return [s for s in self.sections if s.kind == kind]


def unescape(text):
    """Backslash escapes of a section with the option `escaped`; a backslash at a line's end joins
    lines."""

    def one(match):
        what = match.group(1)
        if what.startswith("x"):
            return chr(int(what[1:], 16))
        return {"\\": "\\", "r": "\r", "n": "\n", "t": "\t", "0": "\0", "\n": ""}[what]

    return ESCAPE.sub(one, text).encode("latin-1")


def split_message(text):
    """Head lines and body of a section. A body that is a stream gets back the line ends that close
    it."""
    head, blank, body = text.partition("\n\n")
    lines = head.split("\n")
    kind = next(
        (l.split(":", 1)[1].strip() for l in lines[1:] if l.lower().startswith("content-type:")), ""
    )
    if blank and body:
        if kind.startswith("text/event-stream"):
            body = body.rstrip("\n") + "\n\n"
        elif kind.startswith("application/x-ndjson"):
            body = body.rstrip("\n") + "\n"
    return lines, body


def with_line_ends(section, body):
    """The body with CR LF for each line end, when the section has the option `crlf`."""
    return body.replace("\n", "\r\n") if section.has("crlf") else body


def has_header(lines, name):
    return any(line.lower().startswith(name + ":") for line in lines[1:])


def chunk(pieces):
    out = b""
    for piece in pieces:
        if piece:
            out += b"%x\r\n%s\r\n" % (len(piece), piece)
    return out + b"0\r\n\r\n"


def pieces_of(body):
    """A streamed body in its natural pieces: events, else lines, else one."""
    if b"\n\n" in body:
        parts = body.split(b"\n\n")
        return [p + b"\n\n" for p in parts[:-1]] + [parts[-1]]
    return [line + b"\n" for line in body.split(b"\n") if line] if body.endswith(b"\n") else [body]


def amazon_message(line):
    """A line "TYPE PAYLOAD", or "!TYPE PAYLOAD" for an exception, in Amazon's framing."""
    kind, _, payload = line.partition(" ")
    what = "exception" if kind.startswith("!") else "event"
    headers = b""
    for name, value in (
        (f":{what}-type", kind.lstrip("!")),
        (":content-type", "application/json"),
        (":message-type", what),
    ):
        headers += struct.pack("!B", len(name)) + name.encode()
        headers += struct.pack("!BH", 7, len(value)) + value.encode()
    payload = payload.encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    prelude += struct.pack("!I", zlib.crc32(prelude))
    message = prelude + headers + payload
    return message + struct.pack("!I", zlib.crc32(message))


def build_request(section, text, port):
    """The bytes that a client sends; Host, Content-Type, Content-Length are added if missing."""
    if section.has("escaped"):
        return unescape(text)
    if section.has("body only"):
        return text.encode()
    lines, body = split_message(text)
    body = body.encode()
    if not re.search(r" HTTP/\S+$", lines[0]):
        lines[0] += " HTTP/1.1"
    if not has_header(lines, "host"):
        lines.append(f"Host: 127.0.0.1:{port}")
    if section.has("chunked"):
        lines.append("Transfer-Encoding: chunked")
        body = chunk([body[i : i + 7] for i in range(0, len(body), 7)])
    if lines[0].startswith("POST"):
        if not has_header(lines, "content-type"):
            lines.append("Content-Type: application/json")
        if not has_header(lines, "content-length") and not has_header(lines, "transfer-encoding"):
            lines.append(f"Content-Length: {len(body)}")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    return head if section.has("head only") else head + body


def build_answer(section, text):
    """The bytes that an upstream answers. Streams are chunked by event, other bodies get their
    length; `cut` leaves the end of the framing away."""
    if section.has("escaped"):
        return unescape(text)
    if not text:
        return b""
    lines, body = split_message(text)
    body = with_line_ends(section, body).encode()
    if re.fullmatch(r"[1-5][0-9][0-9].*", lines[0]):
        lines[0] = "HTTP/1.1 " + lines[0]
    if section.has("gzip"):
        lines.append("Content-Encoding: gzip")
        body = gzip.compress(body, mtime=0)
    if any(l.lower() == "content-type: application/vnd.amazon.eventstream" for l in lines):
        pieces = [amazon_message(line) for line in body.decode().splitlines() if line]
        lines.append("Transfer-Encoding: chunked")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        return head + (chunk(pieces)[:-5] if section.has("cut") else chunk(pieces))
    is_stream = any(
        re.match(r"content-type: *(text/event-stream|application/x-ndjson)", l, re.I) for l in lines
    )
    if not has_header(lines, "content-length") and not section.has("until close"):
        if is_stream or section.has("chunked"):
            lines.append("Transfer-Encoding: chunked")
            body = chunk(pieces_of(body) if not section.has("gzip") else [body])
            if section.has("cut"):
                body = body[: -len(b"0\r\n\r\n")]
        else:
            lines.append(f"Content-Length: {len(body) + (1000 if section.has('cut') else 0)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
