/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_head.h"

#include "net/http_server.h"
#include "tests/tap.h"
#include "tests/unit/net/llhttp_oracle.h"

#include <stdlib.h>

#define FIELDS_MAX 256

static struct http_header fields[FIELDS_MAX];

/* Scans byte by byte as if every byte came alone, then parses. The text is copied to the heap at
   its exact size, so that ASan sees a read beyond it. *ret_used: bytes of the head, 0 when it is
   incomplete. */
static enum http_problem read_head(struct slice text, const struct http_limits *limits, size_t step,
                                   struct http_head *head, size_t *ret_used)
{
    struct http_head_scan scan = {.at = 0};
    enum http_problem problem = HTTP_PROBLEM_NONE;
    size_t end = 0;

    for (size_t len = step; problem == HTTP_PROBLEM_NONE && end == 0; len += step) {
        len = len < text.len ? len : text.len;
        problem = http_head_scan(&scan, slice_of(text.ptr, len), limits, &end);
        if (len == text.len) {
            break;
        }
    }
    *ret_used = end;
    if (problem != HTTP_PROBLEM_NONE || end == 0) {
        return problem;
    }
    struct slice bytes = slice_of(text.ptr + scan.skipped, end - scan.skipped);
    problem = http_head_parse(head, bytes, &scan, fields, limits);
    EXPECT(problem != HTTP_PROBLEM_NONE || oracle_agrees_on_request(bytes, &head->request));
    return problem;
}

/* The verdict, which must be the same whatever the size of the reads. */
static enum http_problem verdict(struct slice text, const struct http_limits *limits,
                                 struct http_head *head)
{
    enum http_problem whole = HTTP_PROBLEM_NONE;
    char *copy = malloc(text.len + 1);

    memcpy(copy, text.ptr, text.len);
    for (size_t step = text.len; step > 0; step = step > 64 ? step / 2 : step - 1) {
        size_t used = 0;
        enum http_problem problem = read_head(slice_of(copy, text.len), limits, step, head, &used);
        if (step == text.len) {
            whole = problem;
        }
        EXPECT_INT(problem, whole);
    }
    size_t used = 0;
    EXPECT_INT(read_head(text, limits, text.len, head, &used), whole);
    free(copy);
    return whole;
}

struct row {
    const char *what;
    struct slice text;
};

static void expect_rows(const struct row *rows, size_t count, enum http_problem wanted)
{
    for (size_t i = 0; i < count; i++) {
        struct http_head head;
        enum http_problem problem = verdict(rows[i].text, &http_default_limits, &head);
        if (problem != wanted) {
            printf("# %s: %s (%d), wanted %s (%d)\n", rows[i].what, http_problem_row(problem)->text,
                   (int)problem, http_problem_row(wanted)->text, (int)wanted);
        }
        EXPECT(problem == wanted);
    }
}

#define ROWS(wanted, ...)                                                                          \
    do {                                                                                           \
        static const struct row rows[] = {__VA_ARGS__};                                            \
        expect_rows(rows, ARRAY_LEN(rows), wanted);                                                \
    } while (0)
#define ROW(what, text)                                                                            \
    {                                                                                              \
        what, SLICE_INIT(text)                                                                     \
    }
#define GET(fields) SLICE_INIT("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n" fields "\r\n")

static void reads_an_ordinary_request(void)
{
    struct http_head head;

    EXPECT_INT(verdict(SLICE("POST /v1/chat/completions?a=b&c HTTP/1.1\r\n"
                             "Host: localhost:4141\r\n"
                             "content-LENGTH: 1380\r\n"
                             "Authorization:\t Bearer sk-1 \t\r\n"
                             "X-Empty:\r\n"
                             "X-Spaces:  \r\n"
                             "X-Text: a\tb \x80\xff\r\n"
                             "\r\n"),
                       &http_default_limits, &head),
               HTTP_PROBLEM_NONE);
    const struct http_request *r = &head.request;
    EXPECT_INT(r->method, HTTP_POST_METHOD);
    EXPECT_SLICE(r->method_text, "POST");
    EXPECT_SLICE(r->path, "/v1/chat/completions");
    EXPECT_SLICE(r->query, "a=b&c");
    EXPECT_SLICE(r->host, "localhost:4141");
    EXPECT_INT(r->content_length, 1380);
    EXPECT_INT(r->header_count, 6);
    EXPECT(r->keep_alive);
    EXPECT(!head.expect_continue);
    EXPECT_SLICE(r->headers[2].name, "Authorization");
    EXPECT_SLICE(r->headers[2].value, "Bearer sk-1");
    EXPECT_SLICE(r->headers[3].value, "");
    EXPECT_SLICE(r->headers[4].value, "");
    EXPECT_SLICE(http_header_find(r->headers, r->header_count, SLICE("X-TEXT")), "a\tb \x80\xff");
    EXPECT(http_header_find(r->headers, r->header_count, SLICE("x-none")).ptr == NULL);
}

static void accepts_legal_variants(void)
{
    ROWS(HTTP_PROBLEM_NONE, ROW("one empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("absolute form", "GET http://a:80/x HTTP/1.1\r\nHost: a:80\r\n\r\n"),
         ROW("absolute form, no path", "GET http://A HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("asterisk form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"),
         ROW("IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:4141\r\n\r\n"),
         {"upgrade is ignored", GET("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n")},
         {"websocket is ignored", GET("Connection: upgrade\r\nUpgrade: websocket\r\n")},
         {"chunked in any case", GET("Transfer-Encoding: CHUNKED\r\n")},
         {"a body of GET", GET("Content-Length: 3\r\n")},
         {"a length with zeros in front", GET("Content-Length: 007\r\n")},
         {"100-continue", GET("Expect: 100-Continue\r\n")},
         {"underscore in a name", GET("a_b: c\r\n")},
         ROW("colon in the path",
             "POST /v1beta/models/m:generateContent HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("other known method", "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n"));
}

static void refuses_bad_line_ends(void)
{
    ROWS(HTTP_BAD_LINE_END,
         ROW("bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
         ROW("bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n"),
         ROW("bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
         ROW("all bare LF", "GET / HTTP/1.1\nHost: a\n\n"),
         ROW("LF first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("bare CR in the request line", "GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n"),
         {"bare CR in a value", GET("X: a\rb\r\n")}, {"bare CR in a name", GET("X\r: a\r\n")},
         {"CR CR LF", GET("X: a\r\r\n")}, {"bare CR before the end", GET("\rX: a\r\n")});
}

static void refuses_control_characters(void)
{
    ROWS(HTTP_BAD_CHARACTER, {"NUL in a value", GET("X: a\0b\r\n")},
         {"NUL in a name", GET("X\0: b\r\n")}, {"DEL", GET("X: \x7f\r\n")},
         {"VT before chunked", GET("Transfer-Encoding: \x0b"
                                   "chunked\r\n")},
         {"escape", GET("X: \x1b[31m\r\n")},
         ROW("NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("HTAB in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01"));
}

static void refuses_bad_request_lines(void)
{
    ROWS(HTTP_BAD_REQUEST_LINE, ROW("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("space at the end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
         ROW("space first", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("lower case version", "GET / http/1.1\r\nHost: a\r\n\r\n"),
         ROW("other protocol", "GET / ICY/1.1\r\nHost: a\r\n\r\n"),
         ROW("longer version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
         ROW("method not a token", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("method of 17", "ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("no method", " / HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    ROWS(HTTP_BAD_VERSION, ROW("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
         ROW("HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ROW("HTTP/0.9", "GET /\r\n\r\n"),
         ROW("HTTP/0.9 with version", "GET / HTTP/0.9\r\n\r\n"));
    ROWS(HTTP_UNKNOWN_METHOD, ROW("method of 16", "ABCDEFGHIJKLMNOP / HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("lower case method", "get / HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("of RTSP", "SETUP / HTTP/1.1\r\nHost: a\r\n\r\n"));
    ROWS(HTTP_METHOD_REFUSED, ROW("CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
         ROW("TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"));
}

static void refuses_bad_targets(void)
{
    ROWS(HTTP_BAD_TARGET, ROW("no slash", "GET x HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("authority form", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("asterisk for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("backslash", "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("not ASCII", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("userinfo", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("empty authority", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("other scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"));
}

static void refuses_bad_escapes(void)
{
    ROWS(HTTP_BAD_TARGET, ROW("NUL", "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("NUL in the query", "GET /a?b=%00 HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("NUL in absolute form", "GET http://a/%00 HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("CR", "GET /a%0db HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("LF", "GET /a%0Ab HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("last control", "GET /%1F HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("DEL", "GET /%7f HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("no digits", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("one digit", "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("one digit, then a letter", "GET /%4g HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("a percent sign at the end", "GET /% HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("cut off by the query", "GET /%4?1 HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("no digits in the query", "GET /?100% HTTP/1.1\r\nHost: a\r\n\r\n"));
}

static void refuses_bad_fields(void)
{
    ROWS(HTTP_BAD_FIELD, {"space before the colon", GET("X : a\r\n")},
         {"tab before the colon", GET("X\t: a\r\n")}, {"space in a name", GET("X Y: a\r\n")},
         {"folded value", GET("X: a\r\n b\r\n")}, {"folded with HTAB", GET("X: a\r\n\tb\r\n")},
         {"folded empty", GET("X:\r\n b\r\n")},
         ROW("space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
         {"no colon", GET("X\r\n")}, {"no name", GET(": a\r\n")}, {"brackets", GET("X(a): b\r\n")},
         {"not ASCII", GET("X\xe9: b\r\n")});
}

static void refuses_bad_hosts(void)
{
    ROWS(HTTP_BAD_HOST, ROW("missing", "GET / HTTP/1.1\r\n\r\n"),
         {"twice", GET("Host: localhost\r\n")}, {"twice, other case", GET("hOsT: b\r\n")},
         ROW("empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
         ROW("list", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
         ROW("list with space", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
         ROW("userinfo", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
         ROW("path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
         ROW("space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
         ROW("port not a number", "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n"),
         ROW("port too long", "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n"),
         ROW("two dots in a row", "GET / HTTP/1.1\r\nHost: 10..1\r\n\r\n"),
         ROW("two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n"),
         ROW("only a port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
         ROW("open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
         ROW("text after the bracket", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"),
         ROW("not ASCII", "GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n"),
         ROW("other than the target's", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
         ROW("twice in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"));
}

static void refuses_ambiguous_lengths(void)
{
    ROWS(HTTP_BAD_LENGTH, {"twice, equal", GET("Content-Length: 5\r\nContent-Length: 5\r\n")},
         {"twice, different", GET("Content-Length: 5\r\nContent-Length: 6\r\n")},
         {"list", GET("Content-Length: 5, 5\r\n")}, {"negative", GET("Content-Length: -1\r\n")},
         {"plus", GET("Content-Length: +5\r\n")}, {"hex", GET("Content-Length: 0x5\r\n")},
         {"inner space", GET("Content-Length: 5 5\r\n")}, {"empty", GET("Content-Length:\r\n")},
         {"fraction", GET("Content-Length: 5.0\r\n")},
         {"underscore", GET("Content-Length: 1_0\r\n")},
         {"64 bit overflow", GET("Content-Length: 18446744073709551617\r\n")},
         {"19 digits", GET("Content-Length: 9223372036854775807\r\n")});
}

static void refuses_ambiguous_codings(void)
{
    ROWS(HTTP_BAD_TRANSFER_ENCODING,
         {"with a length", GET("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")},
         {"before a length", GET("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")},
         {"with a length of 0", GET("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n")},
         {"twice", GET("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
         {"twice, other first", GET("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")},
         {"chunked twice in a list", GET("Transfer-Encoding: chunked, chunked\r\n")},
         {"chunked not last", GET("Transfer-Encoding: chunked, gzip\r\n")},
         {"chunked then identity", GET("Transfer-Encoding: chunked, identity\r\n")},
         {"empty", GET("Transfer-Encoding:\r\n")},
         ROW("HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
    ROWS(HTTP_UNKNOWN_CODING, {"gzip", GET("Transfer-Encoding: gzip\r\n")},
         {"identity", GET("Transfer-Encoding: identity\r\n")},
         {"gzip then chunked", GET("Transfer-Encoding: gzip, chunked\r\n")},
         {"prefix", GET("Transfer-Encoding: xchunked\r\n")},
         {"suffix", GET("Transfer-Encoding: chunkedx\r\n")},
         {"parameter", GET("Transfer-Encoding: chunked;q=1\r\n")},
         {"quotes", GET("Transfer-Encoding: \"chunked\"\r\n")});
}

static void refuses_other_expectations(void)
{
    ROWS(HTTP_EXPECTATION_FAILED, {"other", GET("Expect: 200-ok\r\n")},
         {"list", GET("Expect: 100-continue, x\r\n")}, {"empty", GET("Expect:\r\n")},
         {"two fields", GET("Expect: x\r\nExpect: 100-continue\r\n")});
}

static void decides_on_persistence(void)
{
    static const struct {
        struct slice text;
        bool keep_alive;
    } rows[] = {
        {GET(""), true},
        {GET("Connection: close\r\n"), false},
        {GET("Connection: x, CLOSE\r\n"), false},
        {GET("Connection: x\r\nConnection: close\r\n"), false},
        {GET("Connection: closed\r\n"), true},
        {GET("Connection: keep-alive, close\r\n"), false},
        {SLICE_INIT("GET / HTTP/1.0\r\n\r\n"), false},
        {SLICE_INIT("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), true},
        {SLICE_INIT("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"), false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_head head;
        EXPECT_INT(verdict(rows[i].text, &http_default_limits, &head), HTTP_PROBLEM_NONE);
        EXPECT_INT(head.request.keep_alive, rows[i].keep_alive);
    }
}

/* --- limits --- */

static char *filled(const char *before, char c, size_t count, const char *after, size_t *ret_len)
{
    size_t head = strlen(before);
    size_t tail = strlen(after);
    char *text = malloc(head + count + tail);

    memcpy(text, before, head);
    memset(text + head, c, count);
    memcpy(text + head + count, after, tail);
    *ret_len = head + count + tail;
    return text;
}

static enum http_problem verdict_of_fill(const char *before, size_t count, const char *after,
                                         const struct http_limits *limits)
{
    struct http_head head;
    size_t len = 0;
    char *text = filled(before, 'x', count, after, &len);
    enum http_problem problem = verdict(slice_of(text, len), limits, &head);

    free(text);
    return problem;
}

/* Longer than what the scan can note of a line. */
static void reads_very_long_lines(void)
{
    static const size_t counts[] = {65530, 65531, 65532, 65533, 70000};
    struct http_limits limits = http_default_limits;
    limits.head_bytes = 100000;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct http_head head;
        size_t used = 0;
        size_t len = 0;
        char *text =
            filled("GET / HTTP/1.1\r\nHost: a\r\nX: ", 'x', counts[i], "\r\nY: \tz\r\n\r\n", &len);
        EXPECT_INT(read_head(slice_of(text, len), &limits, len, &head, &used), HTTP_PROBLEM_NONE);
        EXPECT_INT(used, len);
        EXPECT_INT(head.request.header_count, 3);
        EXPECT_INT(fields[1].value.len, counts[i]);
        EXPECT_SLICE(fields[2].value, "z");
        free(text);
    }
}

static void limits_the_target(void)
{
    struct http_limits limits = http_default_limits;

    limits.target_bytes = 300;
    const char *after = " HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_INT(verdict_of_fill("GET /", 298, after, &limits), HTTP_PROBLEM_NONE);
    EXPECT_INT(verdict_of_fill("GET /", 299, after, &limits), HTTP_PROBLEM_NONE);
    EXPECT_INT(verdict_of_fill("GET /", 300, after, &limits), HTTP_TARGET_TOO_LONG);
    EXPECT_INT(verdict_of_fill("GET /", 8192, "", &http_default_limits), HTTP_PROBLEM_NONE);
    EXPECT_INT(verdict_of_fill("GET /", 8191, after, &http_default_limits), HTTP_PROBLEM_NONE);
    EXPECT_INT(verdict_of_fill("GET /", 8192, after, &http_default_limits), HTTP_TARGET_TOO_LONG);
    /* never ends */
    EXPECT_INT(verdict_of_fill("GET /", 8300, "", &http_default_limits), HTTP_TARGET_TOO_LONG);
    EXPECT_INT(verdict_of_fill("", 8300, "", &http_default_limits), HTTP_TARGET_TOO_LONG);
}

static void limits_the_head(void)
{
    struct http_limits limits = http_default_limits;
    const char *before = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    size_t rest = strlen(before) + 4;

    limits.head_bytes = 400;
    EXPECT_INT(verdict_of_fill(before, 399 - rest, "\r\n\r\n", &limits), HTTP_PROBLEM_NONE);
    EXPECT_INT(verdict_of_fill(before, 400 - rest, "\r\n\r\n", &limits), HTTP_PROBLEM_NONE);
    EXPECT_INT(verdict_of_fill(before, 401 - rest, "\r\n\r\n", &limits), HTTP_HEAD_TOO_LARGE);
    EXPECT_INT(verdict_of_fill(before, 32768 - rest, "\r\n\r\n", &http_default_limits),
               HTTP_PROBLEM_NONE);
    EXPECT_INT(verdict_of_fill(before, 32769 - rest, "\r\n\r\n", &http_default_limits),
               HTTP_HEAD_TOO_LARGE);
    EXPECT_INT(verdict_of_fill(before, 40000, "", &http_default_limits), HTTP_HEAD_TOO_LARGE);
}

static enum http_problem verdict_of_fields(size_t count)
{
    struct http_head head;
    char text[4096];
    int len = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");

    for (size_t i = 1; i < count; i++) {
        len += snprintf(text + len, sizeof(text) - (size_t)len, "X: y\r\n");
    }
    snprintf(text + len, sizeof(text) - (size_t)len, "\r\n");
    enum http_problem problem = verdict(slice_from_cstr(text), &http_default_limits, &head);
    if (problem == HTTP_PROBLEM_NONE) {
        EXPECT_INT(head.request.header_count, count);
    }
    return problem;
}

static void limits_the_fields(void)
{
    EXPECT_INT(verdict_of_fields(99), HTTP_PROBLEM_NONE);
    EXPECT_INT(verdict_of_fields(100), HTTP_PROBLEM_NONE);
    EXPECT_INT(verdict_of_fields(101), HTTP_TOO_MANY_FIELDS);
}

static void limits_the_method(void)
{
    struct http_head head;

    EXPECT_INT(verdict(SLICE("ABCDEFGHIJKLMNOP / HTTP/1.1\r\nHost: a\r\n\r\n"),
                       &http_default_limits, &head),
               HTTP_UNKNOWN_METHOD);
    EXPECT_INT(verdict(SLICE("ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\nHost: a\r\n\r\n"),
                       &http_default_limits, &head),
               HTTP_BAD_REQUEST_LINE);
}

static void splits_absolute_targets(void)
{
    static const struct {
        struct slice target;
        const char *path;
        const char *query;
    } rows[] = {
        {SLICE_INIT("http://a/x?y"), "/x", "y"},
        {SLICE_INIT("http://a"), "/", ""},
        {SLICE_INIT("HTTPS://a/"), "/", ""},
        {SLICE_INIT("http://a?q"), "/", "q"},
        {SLICE_INIT("/http://a/b"), "/http://a/b", ""},
        {SLICE_INIT("//a/b"), "//a/b", ""},
        {SLICE_INIT("/%20%7E%fF%2f?%0A%7f%01"), "/%20%7E%fF%2f", "%0A%7f%01"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[128];
        struct http_head head;
        int len = snprintf(text, sizeof(text), "GET %.*s HTTP/1.1\r\nHost: a\r\n\r\n",
                           SLICE_ARG(rows[i].target));
        EXPECT_INT(verdict(slice_of(text, (size_t)len), &http_default_limits, &head),
                   HTTP_PROBLEM_NONE);
        EXPECT_SLICE(head.request.path, rows[i].path);
        EXPECT_SLICE(head.request.query, rows[i].query);
    }
}

/* Sixteen bytes are looked at together: each byte at each place must have the same verdict. */
static void judges_each_byte_of_a_long_target(void)
{
    char text[] = "GET /gggggggggggggggggggggggggggggggggggg HTTP/1.1\r\nHost: a\r\n\r\n";
    char *target = text + 4;
    struct http_head head;
    size_t used = 0;

    for (size_t at = 1; at < 37; at++) {
        for (int byte = 0x21; byte < 0x100; byte++) {
            target[at] = (char)byte;
            enum http_problem problem = read_head(slice_of(text, sizeof(text) - 1),
                                                  &http_default_limits, sizeof(text), &head, &used);
            enum http_problem wanted = byte == 0x7f ? HTTP_BAD_CHARACTER
                                       : byte > 0x7f || byte == '#' || byte == '\\' || byte == '%'
                                           ? HTTP_BAD_TARGET
                                           : HTTP_PROBLEM_NONE;
            EXPECT_INT(problem, wanted);
            if (problem == HTTP_PROBLEM_NONE) {
                EXPECT_INT(head.request.path.len, byte == '?' ? at : 37);
                EXPECT_INT(head.request.query.len, byte == '?' ? 36 - at : 0);
            }
        }
        target[at] = 'g';
    }
}

static void judges_each_byte_of_a_long_name(void)
{
    char text[] = "GET / HTTP/1.1\r\nHost: a\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: b\r\n\r\n";
    char *name = text + 25;
    struct http_head head;
    size_t used = 0;

    for (size_t at = 1; at < 36; at++) {
        for (int byte = 0x20; byte < 0x100; byte++) {
            name[at] = (char)byte;
            enum http_problem problem = read_head(slice_of(text, sizeof(text) - 1),
                                                  &http_default_limits, sizeof(text), &head, &used);
            bool token = strchr("!#$%&'*+-.^_`|~", byte) != NULL || (byte >= '0' && byte <= '9') ||
                         ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
            enum http_problem wanted = byte == 0x7f           ? HTTP_BAD_CHARACTER
                                       : token || byte == ':' ? HTTP_PROBLEM_NONE
                                                              : HTTP_BAD_FIELD;
            EXPECT_INT(problem, wanted);
            if (problem == HTTP_PROBLEM_NONE) {
                EXPECT_INT(head.request.headers[1].name.len, byte == ':' ? at : 36);
            }
        }
        name[at] = 'a';
    }
}

static void every_problem_has_a_row(void)
{
    for (int i = 0; i < HTTP_PROBLEMS; i++) {
        const struct http_problem_row *row = http_problem_row((enum http_problem)i);
        EXPECT(row->status >= 400 && row->status < 600);
        EXPECT(row->code != NULL && row->text != NULL);
        EXPECT(row->text != NULL && strpbrk(row->text, "\"\\") == NULL);
    }
}

int main(void)
{
    TEST(reads_an_ordinary_request, "reads an ordinary request");
    TEST(accepts_legal_variants, "accepts legal variants, Upgrade is ignored");
    TEST(refuses_bad_line_ends, "refuses bare CR and bare LF anywhere");
    TEST(refuses_control_characters, "refuses control characters");
    TEST(refuses_bad_request_lines, "refuses malformed request lines, versions and methods");
    TEST(refuses_bad_targets, "refuses targets of another form");
    TEST(refuses_bad_escapes, "refuses %00, escaped controls in a path, and half escapes");
    TEST(refuses_bad_fields, "refuses malformed and folded fields");
    TEST(refuses_bad_hosts, "refuses a missing, doubled or malformed Host");
    TEST(refuses_ambiguous_lengths, "refuses doubled and malformed Content-Length");
    TEST(refuses_ambiguous_codings, "refuses Transfer-Encoding but a single chunked");
    TEST(refuses_other_expectations, "refuses expectations but 100-continue");
    TEST(decides_on_persistence, "decides on persistence from version and Connection");
    TEST(reads_very_long_lines, "reads lines of any length within the limit");
    TEST(limits_the_target, "limits the target at the byte");
    TEST(limits_the_head, "limits the head at the byte");
    TEST(limits_the_fields, "limits the number of fields");
    TEST(limits_the_method, "limits the method");
    TEST(judges_each_byte_of_a_long_target, "judges each byte of a long target");
    TEST(judges_each_byte_of_a_long_name, "judges each byte of a long name");
    TEST(splits_absolute_targets, "splits targets into path and query");
    TEST(every_problem_has_a_row, "every problem has a status, a code and a text safe in JSON");
    return tap_done();
}
