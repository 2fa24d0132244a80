/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a request: refused is whatever two HTTP implementations could read in two ways
 * (RFC 9110, RFC 9112). Pure functions, no I/O. A head is first scanned to its end as bytes arrive,
 * then parsed once, in one piece. The scan and the reading of lines serve the heads of answers too
 * (upstream_head.c). Tests and fuzzing compare what is accepted with llhttp's reading
 * (docs/adr/0005).
 *
 * Refused while scanning (400 unless said):
 *  - a line end that is not CR LF: bare LF, bare CR;
 *  - any control character, NUL and DEL included; HTAB is allowed inside field values only;
 *  - a line that begins with a space or HTAB (obs-fold; a space before the request line);
 *  - more than one empty line before the request line;
 *  - a head longer than head_bytes or with more than head_fields fields: 431; a request line that
 * cannot fit its target into target_bytes: 414. Refused in the request line:
 *  - anything but `method SP target SP HTTP/1.1` (or 1.0) with single spaces: HTTP/0.9, HTTP/1.2,
 * HTTP/2.0, lower case;
 *  - a method that is not a token or longer than 16 bytes; 501: a token that is not registered;
 *  - CONNECT and TRACE: 405;
 *  - a target that is not origin-form, absolute-form (http, https) or, for OPTIONS, `*`; longer
 * than target_bytes: 414; with a byte outside 0x21..0x7e, a '#' or a '\'; in absolute-form with
 * userinfo or another authority than Host; with a '%' that two hex digits do not follow, with %00,
 * and in the path with any escaped control character. Refused in the fields:
 *  - a name that is not a token (so also a space before the colon), an empty name, a line without a
 * colon;
 *  - Host: missing in HTTP/1.1, twice, empty, a list, with userinfo, path or anything that is not
 * host[:port], with two dots in a row;
 *  - Content-Length: twice (even if equal), a list, a sign, hex, spaces inside, empty, more than 18
 * digits;
 *  - Transfer-Encoding: in HTTP/1.0, twice, together with Content-Length, `chunked` that is not
 * last or twice; anything else than exactly `chunked`: 501;
 *  - Expect other than 100-continue: 417.
 * Ignored, not refused: Upgrade (h2c, websocket), HTTP2-Settings, TE, Trailer, Proxy-Connection:
 * the answer is plain HTTP/1.1. The method says nothing about framing: a body is framed by the
 * fields alone, also of GET, HEAD and OPTIONS.
 */
#ifndef SLUICE_NET_HTTP_HEAD_H
#define SLUICE_NET_HTTP_HEAD_H

#include "net/http.h"

struct http_limits;

/* Why a request is refused; the rows say the status, the stable code and the sentence. */
enum http_problem {
    HTTP_PROBLEM_NONE,
    HTTP_BAD_LINE_END,
    HTTP_BAD_CHARACTER,
    HTTP_BAD_REQUEST_LINE,
    HTTP_BAD_TARGET,
    HTTP_BAD_VERSION,
    HTTP_BAD_FIELD,
    HTTP_BAD_HOST,
    HTTP_BAD_LENGTH,
    HTTP_BAD_TRANSFER_ENCODING,
    HTTP_BAD_CHUNK,
    HTTP_UNKNOWN_CODING,
    HTTP_UNKNOWN_METHOD,
    HTTP_METHOD_REFUSED,
    HTTP_TARGET_TOO_LONG,
    HTTP_HEAD_TOO_LARGE,
    HTTP_TOO_MANY_FIELDS,
    HTTP_EXPECTATION_FAILED,
    HTTP_BODY_TOO_LARGE,
    HTTP_HEAD_TIMEOUT,
    HTTP_BODY_TIMEOUT,
    HTTP_OUT_OF_MEMORY,
    HTTP_TOO_MANY_CONNECTIONS,
    HTTP_PROBLEMS
};

struct http_problem_row {
    int status;
    const char *code;
    const char *text;
};
const struct http_problem_row *http_problem_row(enum http_problem problem);

/* Where the scan of one head stands. Zeroed to begin but for `of_answer`; offsets count from the
   first byte of the input, which must stay the same bytes from call to call, only longer. */
#define HTTP_LINES_NOTED 24
struct http_head_scan {
    size_t at;                          /* bytes looked at */
    size_t line_start;                  /* of the line that `at` is in */
    size_t lines;                       /* complete lines: the request line and fields */
    size_t skipped;                     /* bytes of an empty line before the request line: 0 or 2 */
    uint16_t lengths[HTTP_LINES_NOTED]; /* of the first lines, or UINT16_MAX */
    bool of_answer; /* the first line is a status line, in which HTAB may stand */
};

/* Scans on. *ret_end: offset behind the empty line that ends the head, or 0 when more bytes are
 * needed. */
enum http_problem http_head_scan(struct http_head_scan *scan, struct slice bytes,
                                 const struct http_limits *limits, size_t *ret_end);

struct http_head {
    struct http_request request; /* slices into the bytes that were parsed */
    struct slice length_text;    /* the value of Content-Length, if there is one */
    bool http_1_0;
    bool expect_continue;
};

/* Parses a head that http_head_scan() found complete (without the skipped bytes). `fields` has room
   for scan->lines - 1 and becomes request.headers. On a problem *head is partly filled in: only
   request.method may be used. */
enum http_problem http_head_parse(struct http_head *head, struct slice bytes,
                                  const struct http_head_scan *scan, struct http_header *fields,
                                  const struct http_limits *limits);

/* Where in a head that was parsed the digits of its Content-Length are. */
struct http_known_head {
    uint16_t len; /* of the head, in bytes; 0: none is known */
    uint16_t length_at;
    uint16_t length_digits;
};

/* Of a head of less than 64 KB that was parsed from these bytes. */
struct http_known_head http_head_know(const struct http_head *head, struct slice bytes);
/* Does the input begin with the same head, but for the digits of the length? They are as many then.
   Then *head is that head: the new digits are written to its `bytes`, and nothing else of it
   changes. False: nothing was changed. */
MUST_USE bool http_head_repeat(struct http_head *head, const struct http_known_head *known,
                               char *bytes, struct slice input);

/* The length of the line at the front of a scanned head, by looking at it. */
size_t http_head_line_length(struct slice rest);

/* Takes the line `index` of a scanned head off the front of the rest, without its CR LF. */
static inline struct slice http_head_line(const struct http_head_scan *scan, size_t index,
                                          struct slice *rest)
{
    size_t len = index < HTTP_LINES_NOTED ? scan->lengths[index] : UINT16_MAX;

    if (UNLIKELY(len == UINT16_MAX)) {
        len = http_head_line_length(*rest);
    }
    struct slice line = slice_of(rest->ptr, len);
    *rest = slice_of(rest->ptr + len + 2, rest->len - len - 2);
    return line;
}

/* Splits a line of a scanned head into name and value, without the blanks around it. False: it is
   no field. */
MUST_USE bool http_head_field(struct slice line, struct http_header *ret_header);

#endif
