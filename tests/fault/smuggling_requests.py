# SPDX-License-Identifier: Apache-2.0
"""Requests that two HTTP implementations could read in two ways: a grammar of framing headers,
line ends, hosts, request lines and chunks with their known misspellings, and bytes changed at
random after that; never bytes of the bodies, which hold the marks that the test follows. A
plan is a function of its random source."""

import json

PATH = "/v1/chat/completions"
ODD_BYTES = b'\r\n\0 \t:,;0159afxX\x0b\x0c\x7f\x80\xff"\\-+#'


def body_of(word, number):
    return json.dumps(
        {"model": "auto", "messages": [{"role": "user", "content": f"{word}-{number}-"}]},
        separators=(",", ":"),
    ).encode()


def plain(word, number, close=False):
    """A request that everybody reads in one way."""
    body = body_of(word, number)
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %d\r\n\r\n"
        % (b"Connection: close\r\n" if close else b"", len(body))
    ) + body


class Plan:
    """One connection's bytes: a request that is spoilt, one that may hide behind it, and a last
    one that is innocent."""

    def __init__(self, random, number):
        self.random = random
        self.number = number
        self.rate = random.choice((0.1, 0.3, 1.0))  # how badly this one is spelt
        self.body = body_of("first", number)
        if random.random() < 0.2:
            self.body += b" " * random.randrange(1, 4)
        self.hidden = plain("hidden", number) if random.random() < 0.5 else b""
        self.last = plain("last", number, close=True)
        self.bytes = self.first() + self.hidden + self.last

    def often(self, share):
        return self.random.random() < share * self.rate

    def one(self, *choices):
        return self.random.choice(choices)

    # --- the body as it is sent ---

    def chunk_size(self, size):
        hexadecimal = b"%x" % size
        if not self.often(0.3):
            return hexadecimal
        return self.one(
            b"0" + hexadecimal,
            b"0" * 20 + hexadecimal,
            b"0x" + hexadecimal,
            b"+" + hexadecimal,
            b"-" + hexadecimal,
            b" " + hexadecimal,
            hexadecimal + b" ",
            hexadecimal + b"\t",
            hexadecimal.upper(),
            hexadecimal + b";a=b",
            hexadecimal + b';a="\n"',
            hexadecimal + b';a="b;c"',
            hexadecimal + b" ; a",
            hexadecimal + b";",
            hexadecimal + b"\r",
            hexadecimal + b"\n",
            b"1" + b"0" * 16 + hexadecimal,
            b"ffffffffffffffff",
            b"",
            b"%x" % (size + self.one(1, 2, -1 if size > 0 else 1)),
        )

    def line_end(self, spoilt=0.06):
        if not self.often(spoilt):
            return b"\r\n"
        return self.one(b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\0\r\n", b" \r\n", b"\x0b\r\n", b"")

    def chunked_body(self, data):
        out = b""
        while data:
            size = self.random.randrange(1, len(data) + 1)
            piece, data = data[:size], data[size:]
            out += self.spoil(self.chunk_size(size) + self.line_end(0.04), 0.04)
            out += piece + self.spoil(self.line_end(0.04), 0.02)
        end = self.one(b"00", b"0;x", b"0x0", b" 0", b"-0") if self.often(0.4) else b"0"
        end += self.line_end(0.04)
        if self.often(0.2):
            end += self.one(
                b"X: y",
                b"Content-Length: 5",
                b"Transfer-Encoding: chunked",
                b"Host: other",
                b" folded",
                b"no colon",
                b"X : y",
                b"X: y\0",
            ) + self.line_end(0.1)
        return out + self.spoil(end + self.line_end(0.04), 0.2)

    # --- the fields ---

    def length(self, right, wire):
        """A Content-Length: right ones, near misses, and lengths that end at another boundary."""
        if not self.often(0.6):
            return b"%d" % right
        number = self.one(
            right,
            right,
            0,
            1,
            right + 1,
            right - 1,
            wire,
            wire + len(self.hidden),
            wire + len(self.hidden) + len(self.last),
            10**9,
            2**32 + right,
            2**64 + right,
            -right,
        )
        text = b"%d" % number
        if self.often(0.4):
            return text
        return self.one(
            b"+" + text,
            b"0" + text,
            b"0x%x" % right,
            b"0o17",
            text + b",",
            text + b"," + text,
            text + b", " + text,
            b"0, " + text,
            text + b"\t",
            b"\t" + text,
            b"\x0b" + text,
            text + b"\x0c",
            text + b"\0",
            text + b" 1",
            text + b".0",
            text + b";",
            b'"' + text + b'"',
            b"",
            b"\r\n " + text,
            b"\xd9\xa5",
        )

    def coding(self):
        if not self.often(0.6):
            return b"chunked"
        return self.one(
            b"Chunked",
            b"CHUNKED",
            b"chunked ",
            b"\tchunked",
            b"\x0bchunked",
            b"chunked\x0b",
            b"chunked\0",
            b"xchunked",
            b"chunkedx",
            b"chu nked",
            b"chunked, identity",
            b"identity, chunked",
            b"identity",
            b"gzip, chunked",
            b"gzip",
            b"chunked, chunked",
            b"chunked,",
            b", chunked",
            b"chunked;q=1",
            b'"chunked"',
            b"",
            b"\r\n chunked",
            b"\r\n\tchunked",
            b"x\r\nTransfer-Encoding: chunked",
            b"cow",
        )

    def name(self, name):
        if not self.often(0.15):
            return name
        return self.one(
            name.lower(),
            name.upper(),
            name + b" ",
            name + b"\t",
            b" " + name,
            b"\t" + name,
            name.replace(b"-", b"_"),
            b"X: y\n" + name,
            b"X: y\r" + name,
            b"X:\n" + name,
            b"\0" + name,
            name + b"\0",
            name + b"\x0b",
            b"X-" + name,
            b"\xef\xbb\xbf" + name,
        )

    def hosts(self):
        if not self.often(0.2):
            return [b"localhost"]
        return self.one(
            [],
            [b""],
            [b"localhost", b"localhost"],
            [b"localhost", b"other"],
            [b"localhost, other"],
            [b"localhost other"],
            [b"a/b"],
            [b"user@localhost"],
            [b":80"],
            [b"localhost:99999"],
            [b"localhost:8a"],
            [b"localhost:"],
            [b"[::1]"],
            [b"[::1"],
            [b"\x80"],
            [b"local\0host"],
            [b"127.0.0.1"],
        )

    def request_line(self):
        if not self.often(0.25):
            return b"POST " + PATH.encode() + b" HTTP/1.1"
        path = PATH.encode()
        return self.one(
            b"POST " + path + b" HTTP/1.0",
            b"POST " + path + b" HTTP/1.2",
            b"POST " + path + b" HTTP/2.0",
            b"POST " + path + b" HTTP/0.9",
            b"POST " + path + b" HTTP/11",
            b"POST " + path + b" HTTP/1.1x",
            b"POST " + path + b" http/1.1",
            b"POST " + path,
            b"POST  " + path + b" HTTP/1.1",
            b"POST\t" + path + b" HTTP/1.1",
            b"POST " + path + b"\x0bHTTP/1.1",
            b"POST " + path + b"  HTTP/1.1",
            b"POST " + path + b" HTTP/1.1 ",
            b" POST " + path + b" HTTP/1.1",
            b"\r\nPOST " + path + b" HTTP/1.1",
            b"\r\n\r\nPOST " + path + b" HTTP/1.1",
            b"\nPOST " + path + b" HTTP/1.1",
            b"post " + path + b" HTTP/1.1",
            b"GET " + path + b" HTTP/1.1",
            b"HEAD " + path + b" HTTP/1.1",
            b"PATCH " + path + b" HTTP/1.1",
            b"POST http://localhost" + path + b" HTTP/1.1",
            b"POST http://other" + path + b" HTTP/1.1",
            b"POST http://u@localhost" + path + b" HTTP/1.1",
            b"POST " + path + b"?x=y HTTP/1.1",
            b"POST " + path + b"#x HTTP/1.1",
            b"POST " + path + b"?\x80 HTTP/1.1",
            b"POST /v1/x/../chat/completions HTTP/1.1",
            b"POST /v1//chat/completions HTTP/1.1",
            b"POST * HTTP/1.1",
        )

    def fields(self, chunked, with_length, right, wire):
        fields = [(self.name(b"Host"), host) for host in self.hosts()]
        if with_length:
            for _ in range(2 if self.often(0.08) else 1):
                fields.append((self.name(b"Content-Length"), self.length(right, wire)))
        if chunked:
            for _ in range(2 if self.often(0.08) else 1):
                fields.append((self.name(b"Transfer-Encoding"), self.coding()))
        if self.often(0.2):
            fields.append(
                self.one(
                    (b"Connection", b"keep-alive"),
                    (b"Connection", b"close"),
                    (b"Connection", b"Content-Length"),
                    (b"Connection", b"Transfer-Encoding"),
                    (b"Connection", b"Upgrade, HTTP2-Settings"),
                    (b"Upgrade", b"h2c"),
                    (b"Expect", b"100-continue"),
                    (b"Expect", b"x"),
                    (b"TE", b"trailers"),
                    (b"X", b"a\r\n b"),
                )
            )
        self.random.shuffle(fields)
        return fields

    def first(self):
        framing = self.one("both", "none") if self.often(0.3) else self.one("length", "chunked")
        chunked = framing in ("chunked", "both")
        wire = self.chunked_body(self.body) if chunked else self.body
        out = self.request_line() + self.line_end()
        for name, value in self.fields(
            chunked, framing in ("length", "both"), len(self.body), len(wire)
        ):
            blank = self.one(b"\t", b" \t ") if self.often(0.1) else self.one(b" ", b"", b"  ")
            out += name + b":" + blank + value
            out += self.line_end()
        out += self.line_end(0.04)
        return self.spoil(out, 0.5) + wire

    def spoil(self, text, share):
        """Perhaps, up to three bytes changed, added, doubled or taken away."""
        if not self.often(share):
            return text
        out = bytearray(text)
        for _ in range(self.random.randrange(1, 4)):
            at = self.random.randrange(0, max(1, len(out)))
            odd = self.random.choice(ODD_BYTES)
            deed = self.random.randrange(4)
            if deed == 0 and out:
                out[at] = odd
            elif deed == 1:
                out[at:at] = bytes([odd])
            elif deed == 2:
                del out[at : at + self.random.randrange(1, 4)]
            else:
                out[at:at] = out[at : at + self.random.randrange(1, 30)]
        return bytes(out)
