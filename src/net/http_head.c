/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_head.h"

#include "net/http_server.h"
#include "net/http_text.h"

#define METHOD_MAX 16
#define LENGTH_DIGITS_MAX 18
#define VERSION_LEN 8 /* "HTTP/1.1" */
#define PORT_DIGITS_MAX 5

static const struct http_problem_row problem_rows[HTTP_PROBLEMS] = {
    [HTTP_PROBLEM_NONE] = {500, "internal_error", "The request was refused without a reason."},
    [HTTP_BAD_LINE_END] = {400, "bad_framing", "Every line of a request must end with CR LF."},
    [HTTP_BAD_CHARACTER] = {400, "bad_framing", "The request head holds a control character."},
    [HTTP_BAD_REQUEST_LINE] = {400, "bad_request_line", "The request line is malformed."},
    [HTTP_BAD_TARGET] = {400, "bad_request_target", "The request target is malformed."},
    [HTTP_BAD_VERSION] = {400, "bad_http_version", "Only HTTP/1.1 and HTTP/1.0 are spoken here."},
    [HTTP_BAD_FIELD] = {400, "bad_header", "A header field is malformed."},
    [HTTP_BAD_HOST] = {400, "bad_host", "Exactly one valid Host header is needed."},
    [HTTP_BAD_LENGTH] = {400, "bad_framing", "Content-Length is malformed or ambiguous."},
    [HTTP_BAD_TRANSFER_ENCODING] = {400, "bad_framing",
                                    "Transfer-Encoding is malformed or ambiguous."},
    [HTTP_BAD_CHUNK] = {400, "bad_framing", "The chunked body is malformed."},
    [HTTP_UNKNOWN_CODING] = {501, "unsupported_transfer_encoding",
                             "The only transfer coding understood is chunked."},
    [HTTP_UNKNOWN_METHOD] = {501, "unknown_method", "The request method is not known."},
    [HTTP_METHOD_REFUSED] = {405, "method_not_allowed", "CONNECT and TRACE are not served."},
    [HTTP_TARGET_TOO_LONG] = {414, "target_too_long", "The request target is too long."},
    [HTTP_HEAD_TOO_LARGE] = {431, "head_too_large", "The request head is too large."},
    [HTTP_TOO_MANY_FIELDS] = {431, "too_many_headers", "The request has too many header fields."},
    [HTTP_EXPECTATION_FAILED] = {417, "expectation_failed",
                                 "The only expectation understood is 100-continue."},
    [HTTP_BODY_TOO_LARGE] = {413, "body_too_large", "The request body is too large."},
    [HTTP_HEAD_TIMEOUT] = {408, "request_timeout", "The request head took too long to arrive."},
    [HTTP_BODY_TIMEOUT] = {408, "request_timeout", "The request body arrived too slowly."},
    [HTTP_OUT_OF_MEMORY] = {503, "out_of_memory", "There is no memory for this request."},
    [HTTP_TOO_MANY_CONNECTIONS] = {503, "too_many_connections", "There are too many connections."},
};

const struct http_problem_row *http_problem_row(enum http_problem problem)
{
    CHECK(problem < HTTP_PROBLEMS);
    return &problem_rows[problem];
}

/* --- the scan for the end --- */

/* By position only, so that the verdict does not depend on how the bytes were cut into reads. */
static enum http_problem scan_limits(const struct http_head_scan *scan,
                                     const struct http_limits *limits)
{
    size_t line_max = METHOD_MAX + 1 + limits->target_bytes + 1 + VERSION_LEN;

    if (scan->lines == 0 && scan->at - scan->line_start > line_max) {
        return HTTP_TARGET_TOO_LONG;
    }
    return scan->at - scan->skipped > limits->head_bytes ? HTTP_HEAD_TOO_LARGE : HTTP_PROBLEM_NONE;
}

/* A line of something, of this length, ended before scan->at. */
static enum http_problem scan_line(struct http_head_scan *scan, char first, size_t length,
                                   const struct http_limits *limits)
{
    if (scan->lines < HTTP_LINES_NOTED) {
        scan->lengths[scan->lines] = length < UINT16_MAX ? (uint16_t)length : UINT16_MAX;
    }
    if (first == ' ' || first == '\t') {
        return scan->lines == 0 ? HTTP_BAD_REQUEST_LINE : HTTP_BAD_FIELD;
    }
    return ++scan->lines - 1 > limits->head_fields ? HTTP_TOO_MANY_FIELDS : HTTP_PROBLEM_NONE;
}

/* scan->at is at a byte that is no text. *ret_more: it can only be judged with the byte behind it.
 */
static enum http_problem scan_special(const struct http_head_scan *scan, struct slice bytes,
                                      bool *ret_more)
{
    char c = bytes.ptr[scan->at];

    *ret_more = false;
    if (c != '\r') {
        return c == '\n' ? HTTP_BAD_LINE_END : HTTP_BAD_CHARACTER;
    }
    if (scan->at + 1 == bytes.len) {
        *ret_more = true;
        return HTTP_PROBLEM_NONE;
    }
    return bytes.ptr[scan->at + 1] == '\n' ? HTTP_PROBLEM_NONE : HTTP_BAD_LINE_END;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* From the start of a line behind the first one over whole lines that nothing is to be said about:
   no blank at their front, no HTAB within, CR LF behind, all limits kept. */
static void pass_plain_lines(struct http_head_scan *scan, struct slice bytes,
                             const struct http_limits *limits)
{
    size_t end = smaller(bytes.len, scan->skipped + limits->head_bytes);
    size_t lines_max = smaller(HTTP_LINES_NOTED, limits->head_fields + 1);
    size_t start = scan->line_start;
    size_t lines = scan->lines;

    while (lines < lines_max && start < end && bytes.ptr[start] != ' ') {
        size_t length = http_text_run(bytes.ptr + start, end - start);
        const char *behind = bytes.ptr + start + length;
        if (length == 0 || length >= UINT16_MAX || end - start - length < 2 || behind[0] != '\r' ||
            behind[1] != '\n') {
            break;
        }
        scan->lengths[lines++] = (uint16_t)length;
        start += length + 2;
    }
    scan->lines = lines;
    scan->line_start = start;
    scan->at = start;
}

enum http_problem http_head_scan(struct http_head_scan *scan, struct slice bytes,
                                 const struct http_limits *limits, size_t *ret_end)
{
    enum http_problem problem = HTTP_PROBLEM_NONE;
    bool more = false;

    *ret_end = 0;
    for (;;) {
        if (scan->at == scan->line_start && scan->lines > 0) {
            pass_plain_lines(scan, bytes, limits);
        }
        scan->at += http_text_run(bytes.ptr + scan->at, bytes.len - scan->at);
        problem = scan_limits(scan, limits);
        if (problem != HTTP_PROBLEM_NONE || scan->at == bytes.len) {
            return problem;
        }
        if (bytes.ptr[scan->at] == '\t' && (scan->lines > 0 || scan->of_answer)) {
            scan->at++;
            continue;
        }
        problem = scan_special(scan, bytes, &more);
        if (problem != HTTP_PROBLEM_NONE || more) {
            return problem;
        }
        bool empty = scan->at == scan->line_start;
        scan->at += 2;
        if (!empty) {
            size_t length = scan->at - 2 - scan->line_start;
            problem = scan_line(scan, bytes.ptr[scan->line_start], length, limits);
        } else if (scan->lines > 0) {
            *ret_end = scan->at;
            return scan_limits(scan, limits);
        } else {
            problem = scan->skipped > 0 ? HTTP_BAD_REQUEST_LINE : HTTP_PROBLEM_NONE;
            scan->skipped = 2;
        }
        if (problem != HTTP_PROBLEM_NONE) {
            return problem;
        }
        scan->line_start = scan->at;
    }
}

/* --- the request line --- */

static enum http_method method_of(struct slice text)
{
    static const struct {
        struct slice name;
        enum http_method method;
    } methods[] = {
        {SLICE_INIT("POST"), HTTP_POST_METHOD},     {SLICE_INIT("GET"), HTTP_GET_METHOD},
        {SLICE_INIT("HEAD"), HTTP_HEAD_METHOD},     {SLICE_INIT("PUT"), HTTP_PUT_METHOD},
        {SLICE_INIT("DELETE"), HTTP_DELETE_METHOD}, {SLICE_INIT("OPTIONS"), HTTP_OPTIONS_METHOD},
        {SLICE_INIT("PATCH"), HTTP_PATCH_METHOD},
    };

    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (slice_eq(text, methods[i].name)) {
            return methods[i].method;
        }
    }
    return HTTP_OTHER_METHOD;
}

/* Whoever serves anything knows that these exist (registry of RFC 9110 16.1.1): the answer to them
   is 405 and not 501. */
static bool method_registered(struct slice text)
{
    static const struct slice names[] = {
        SLICE_INIT("ACL"),       SLICE_INIT("BIND"),       SLICE_INIT("CHECKOUT"),
        SLICE_INIT("COPY"),      SLICE_INIT("LINK"),       SLICE_INIT("LOCK"),
        SLICE_INIT("MERGE"),     SLICE_INIT("MKACTIVITY"), SLICE_INIT("MKCALENDAR"),
        SLICE_INIT("MKCOL"),     SLICE_INIT("MOVE"),       SLICE_INIT("PROPFIND"),
        SLICE_INIT("PROPPATCH"), SLICE_INIT("REBIND"),     SLICE_INIT("REPORT"),
        SLICE_INIT("SEARCH"),    SLICE_INIT("UNBIND"),     SLICE_INIT("UNLINK"),
        SLICE_INIT("UNLOCK"),
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_eq(text, names[i])) {
            return true;
        }
    }
    return false;
}

static enum http_problem other_method(struct slice text)
{
    if (slice_eq(text, SLICE("CONNECT")) || slice_eq(text, SLICE("TRACE"))) {
        return HTTP_METHOD_REFUSED;
    }
    return method_registered(text) ? HTTP_PROBLEM_NONE : HTTP_UNKNOWN_METHOD;
}

/* Length of an IP literal in brackets at the front (RFC 3986 3.2.2); 0: there is none. */
static size_t ip_literal(struct slice authority)
{
    size_t end = slice_find(authority, ']');

    if (end == SIZE_MAX || end < 3) {
        return 0;
    }
    for (size_t i = 1; i < end; i++) {
        char c = authority.ptr[i];
        bool hex = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
        if (!hex && c != ':' && c != '.') {
            return 0;
        }
    }
    return end + 1;
}

/* host[:port] of RFC 3986 without userinfo: a reg-name or IPv4 address, or an IP literal in
 * brackets. */
static bool authority_valid(struct slice authority)
{
    const char *at = authority.ptr;
    const char *end = at + authority.len;

    if (authority.len > 0 && *at == '[') {
        at += ip_literal(authority);
    } else {
        char before = '\0';
        for (; at < end && http_byte_is(*at, HTTP_HOST_BYTE); at++) {
            if (*at == '.' && before == '.') {
                return false; /* an empty label; nginx refuses it too */
            }
            before = *at;
        }
    }
    if (at == authority.ptr || at == end) {
        return at > authority.ptr;
    }
    if (*at != ':' || end - at > 1 + PORT_DIGITS_MAX) {
        return false;
    }
    for (at++; at < end; at++) {
        if (*at < '0' || *at > '9') {
            return false;
        }
    }
    return true;
}

static bool starts_nocase(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_eq_nocase(slice_of(s.ptr, prefix.len), prefix);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Every '%' begins an escape of two hex digits (RFC 3986 2.1), and none stands for NUL, nor for
 * another control character unless those are allowed. */
static bool escapes_valid(struct slice text, bool controls_allowed)
{
    const char *end = text.ptr + text.len;
    const char *at = text.ptr;

    while ((at = memchr(at, '%', (size_t)(end - at))) != NULL) {
        if (end - at < 3) {
            return false;
        }
        int high = hex_value(at[1]);
        int low = hex_value(at[2]);
        if (high < 0 || low < 0) {
            return false;
        }
        int value = high * 16 + low;
        if (value == 0 || (!controls_allowed && (value < ' ' || value == 0x7f))) {
            return false;
        }
        at += 3;
    }
    return true;
}

/* Splits the target. *ret_authority is empty unless it is in absolute-form. */
static bool target_parse(struct http_request *request, struct slice target,
                         struct slice *ret_authority)
{
    static const struct slice schemes[] = {SLICE_INIT("http://"), SLICE_INIT("https://")};

    *ret_authority = SLICE_EMPTY;
    for (size_t i = 0; i < ARRAY_LEN(schemes) && target.ptr[0] != '/'; i++) {
        if (!starts_nocase(target, schemes[i])) {
            continue;
        }
        struct slice rest = slice_from(target, schemes[i].len);
        size_t end = 0;
        while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?') {
            end++;
        }
        *ret_authority = slice_of(rest.ptr, end);
        if (!authority_valid(*ret_authority)) {
            return false;
        }
        target = slice_from(rest, end);
        if (target.len == 0) {
            target = SLICE("/");
        }
        break;
    }
    const char *mark = memchr(target.ptr, '?', target.len);
    request->path = mark == NULL ? target : slice_of(target.ptr, (size_t)(mark - target.ptr));
    request->query = mark == NULL ? slice_of(target.ptr + target.len, 0)
                                  : slice_from(target, request->path.len + 1);
    if (ret_authority->len > 0 && request->path.len == 0) {
        request->path = SLICE("/");
    }
    if (slice_eq(target, SLICE("*"))) {
        return request->method == HTTP_OPTIONS_METHOD;
    }
    return request->path.len > 0 && request->path.ptr[0] == '/';
}

/* An absolute path of sixteen bytes or more, without a query and without anything that would have
   to be looked at closely: what nearly every request has. */
static bool target_is_plain_path(struct slice target)
{
#if defined(__SSE2__)
    const __m128i space = _mm_set1_epi8(' ');
    const __m128i bad[] = {_mm_set1_epi8('?'), _mm_set1_epi8('%'), _mm_set1_epi8('#'),
                           _mm_set1_epi8('\\')};
    bool plain = target.len >= 16 && target.ptr[0] == '/';

    for (size_t i = 0; plain && i < target.len; i += 16) {
        size_t at = i + 16 <= target.len ? i : target.len - 16;
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(target.ptr + at));
        __m128i hit =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, bad[0]), _mm_cmpeq_epi8(v, bad[1])),
                         _mm_or_si128(_mm_cmpeq_epi8(v, bad[2]), _mm_cmpeq_epi8(v, bad[3])));
        /* Signed: bytes from 0x80 on are not greater either. */
        plain = _mm_movemask_epi8(_mm_andnot_si128(hit, _mm_cmpgt_epi8(v, space))) == 0xffff;
    }
    return plain;
#else
    (void)target;
    return false;
#endif
}

static bool target_accept(struct http_request *request, struct slice target,
                          struct slice *ret_authority)
{
    if (target_is_plain_path(target)) {
        *ret_authority = SLICE_EMPTY;
        request->path = target;
        request->query = slice_of(target.ptr + target.len, 0);
        return true;
    }
    return target.len > 0 && http_bytes_are(target, HTTP_TARGET_BYTE) &&
           target_parse(request, target, ret_authority) && escapes_valid(request->path, false) &&
           escapes_valid(request->query, true);
}

static enum http_problem version_parse(struct http_head *head, struct slice text)
{
    if (LIKELY(slice_eq(text, SLICE("HTTP/1.1")))) {
        return HTTP_PROBLEM_NONE;
    }
    head->http_1_0 = slice_eq(text, SLICE("HTTP/1.0"));
    if (head->http_1_0) {
        return HTTP_PROBLEM_NONE;
    }
    bool version = text.len == VERSION_LEN && slice_starts(text, SLICE("HTTP/")) &&
                   text.ptr[6] == '.' && text.ptr[5] >= '0' && text.ptr[5] <= '9' &&
                   text.ptr[7] >= '0' && text.ptr[7] <= '9';
    return version ? HTTP_BAD_VERSION : HTTP_BAD_REQUEST_LINE;
}

static enum http_problem request_line_parse(struct http_head *head, struct slice line,
                                            const struct http_limits *limits,
                                            struct slice *ret_authority)
{
    struct http_request *request = &head->request;
    struct slice rest = line;

    request->method_text = slice_cut(&rest, ' ');
    request->method = method_of(request->method_text);
    if (request->method == HTTP_OTHER_METHOD &&
        (!http_name_valid(request->method_text) || request->method_text.len > METHOD_MAX)) {
        return HTTP_BAD_REQUEST_LINE;
    }
    struct slice target = slice_cut(&rest, ' ');
    if (target.len > limits->target_bytes) {
        return HTTP_TARGET_TOO_LONG;
    }
    if (rest.len == 0 && target.len > 0 && line.ptr[line.len - 1] != ' ') {
        return HTTP_BAD_VERSION; /* HTTP/0.9 */
    }
    enum http_problem problem = version_parse(head, rest);
    if (problem != HTTP_PROBLEM_NONE) {
        return problem;
    }
    if (request->method == HTTP_OTHER_METHOD) {
        problem = other_method(request->method_text);
    }
    if (problem == HTTP_PROBLEM_NONE && !target_accept(request, target, ret_authority)) {
        problem = HTTP_BAD_TARGET;
    }
    return problem;
}

/* --- the lines --- */

/* By looking for its end: the only control characters are HTAB within and CR LF behind it. */
size_t http_head_line_length(struct slice rest)
{
    size_t len = http_text_run(rest.ptr, rest.len);

    while (rest.ptr[len] == '\t') {
        len += 1 + http_text_run(rest.ptr + len + 1, rest.len - len - 1);
    }
    return len;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* How many bytes at the front can stand in a field name: sixteen at a time as long as they are
   letters and dashes, which nearly all are. */
static inline size_t name_run(const char *bytes, size_t len)
{
    size_t i = 0;

#if defined(__SSE2__)
    const __m128i case_bit = _mm_set1_epi8(0x20);
    const __m128i first = _mm_set1_epi8('a');
    const __m128i count = _mm_set1_epi8('z' - 'a');
    const __m128i dash = _mm_set1_epi8('-');
    while (i + 16 <= len) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(bytes + i));
        __m128i letter = _mm_sub_epi8(_mm_or_si128(v, case_bit), first);
        __m128i good = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(letter, count), letter),
                                    _mm_cmpeq_epi8(v, dash));
        unsigned ok = (unsigned)_mm_movemask_epi8(good);
        if (ok != 0xffff) {
            i += (size_t)__builtin_ctz(~ok);
            break;
        }
        i += 16;
    }
#endif
    while (i < len && http_byte_is(bytes[i], HTTP_TOKEN_BYTE)) {
        i++;
    }
    return i;
}

bool http_head_field(struct slice line, struct http_header *ret_header)
{
    const char *end = line.ptr + line.len;
    size_t name = name_run(line.ptr, line.len);

    if (name == 0 || name == line.len || line.ptr[name] != ':') {
        return false;
    }
    const char *start = line.ptr + name + 1;
    while (start < end && is_blank(*start)) {
        start++;
    }
    while (end > start && is_blank(end[-1])) {
        end--;
    }
    ret_header->name = slice_of(line.ptr, name);
    ret_header->value = slice_of(start, (size_t)(end - start));
    return true;
}

/* --- the rules about fields --- */

struct framing {
    struct slice host;
    struct slice connection;
    size_t hosts;
    size_t lengths;
    size_t codings;
    int64_t length;
    bool bad_length;
    bool bad_coding;
    bool unknown_coding;
    bool bad_expectation;
    bool close;
    bool keep_alive;
};

static bool length_parse(struct slice value, int64_t *ret_length)
{
    uint64_t length = 0;

    if (value.len == 0 || value.len > LENGTH_DIGITS_MAX || !slice_to_u64(value, &length)) {
        return false;
    }
    *ret_length = (int64_t)length;
    return true;
}

/* Calls nothing for empty elements. */
static bool list_next(struct slice *rest, struct slice *ret_element)
{
    while (rest->len > 0) {
        *ret_element = slice_trim(slice_cut(rest, ','));
        if (ret_element->len > 0) {
            return true;
        }
    }
    return false;
}

static void coding_parse(struct framing *framing, struct slice value)
{
    struct slice rest = value;
    struct slice element;
    bool chunked = false;

    framing->codings++;
    if (slice_eq_nocase(value, SLICE("chunked"))) {
        return;
    }
    framing->unknown_coding = true;
    framing->bad_coding |= value.len == 0;
    while (list_next(&rest, &element)) {
        framing->bad_coding |= chunked;
        chunked |= slice_eq_nocase(element, SLICE("chunked"));
    }
}

static void connection_parse(struct framing *framing, struct slice value)
{
    struct slice element;

    if (slice_eq(value, SLICE("keep-alive"))) { /* what nearly everyone says */
        framing->keep_alive = true;
        return;
    }
    while (list_next(&value, &element)) {
        framing->close |= slice_eq_nocase(element, SLICE("close"));
        framing->keep_alive |= slice_eq_nocase(element, SLICE("keep-alive"));
    }
}

/* The first byte sorts out most names of the same length. */
static inline bool name_is(struct slice name, struct slice lower)
{
    return (name.ptr[0] | 0x20) == lower.ptr[0] && slice_eq_nocase(name, lower);
}

static void field_apply(struct http_head *head, struct framing *framing, struct slice name,
                        struct slice value)
{
    switch (name.len) {
    case 4:
        if (name_is(name, SLICE("host"))) {
            framing->hosts++;
            framing->host = value;
        }
        break;
    case 6:
        if (name_is(name, SLICE("expect"))) {
            head->expect_continue = slice_eq_nocase(value, SLICE("100-continue"));
            framing->bad_expectation |= !head->expect_continue;
        }
        break;
    case 10:
        if (name_is(name, SLICE("connection"))) {
            connection_parse(framing, value);
        }
        break;
    case 14:
        if (name_is(name, SLICE("content-length"))) {
            framing->lengths++;
            framing->bad_length |= !length_parse(value, &framing->length);
            head->length_text = value;
        }
        break;
    case 17:
        if (name_is(name, SLICE("transfer-encoding"))) {
            coding_parse(framing, value);
        }
        break;
    default:
        break;
    }
}

static enum http_problem framing_check(const struct http_head *head, const struct framing *framing)
{
    if (framing->bad_length || framing->lengths > 1) {
        return HTTP_BAD_LENGTH;
    }
    if (framing->codings > 0 &&
        (framing->bad_coding || framing->codings > 1 || framing->lengths > 0 || head->http_1_0)) {
        return HTTP_BAD_TRANSFER_ENCODING;
    }
    return framing->unknown_coding ? HTTP_UNKNOWN_CODING : HTTP_PROBLEM_NONE;
}

static enum http_problem host_check(const struct http_head *head, const struct framing *framing,
                                    struct slice authority)
{
    if (framing->hosts > 1 || (framing->hosts == 0 && !head->http_1_0)) {
        return HTTP_BAD_HOST;
    }
    if (framing->hosts == 1 &&
        (!authority_valid(framing->host) ||
         (authority.len > 0 && !slice_eq_nocase(authority, framing->host)))) {
        return HTTP_BAD_HOST;
    }
    return HTTP_PROBLEM_NONE;
}

static void framing_apply(struct http_head *head, const struct framing *framing)
{
    struct http_request *request = &head->request;

    request->host = framing->host;
    request->content_length = framing->codings > 0 ? -1 : framing->length;
    request->keep_alive = !framing->close && (!head->http_1_0 || framing->keep_alive);
    head->expect_continue = head->expect_continue && !head->http_1_0;
}

/* Reads the lines that follow the request line into the table, applies what they say. */
static enum http_problem fields_parse(struct http_head *head, struct slice lines,
                                      const struct http_head_scan *scan, struct framing *framing)
{
    struct http_request *request = &head->request;

    for (size_t i = 1; i < scan->lines; i++) {
        struct http_header *header = &request->headers[i - 1];
        if (!http_head_field(http_head_line(scan, i, &lines), header)) {
            return HTTP_BAD_FIELD;
        }
        request->header_count = i;
        field_apply(head, framing, header->name, header->value);
    }
    CHECK(lines.len == 2); /* the empty line */
    return HTTP_PROBLEM_NONE;
}

enum http_problem http_head_parse(struct http_head *head, struct slice bytes,
                                  const struct http_head_scan *scan, struct http_header *fields,
                                  const struct http_limits *limits)
{
    struct slice authority;
    struct framing framing = {.length = 0};

    *head = (struct http_head){.request = {.headers = fields}};
    struct slice line = http_head_line(scan, 0, &bytes);
    enum http_problem problem = request_line_parse(head, line, limits, &authority);
    if (problem == HTTP_PROBLEM_NONE) {
        problem = fields_parse(head, bytes, scan, &framing);
    }
    if (problem == HTTP_PROBLEM_NONE) {
        problem = framing_check(head, &framing);
    }
    if (problem == HTTP_PROBLEM_NONE) {
        problem = host_check(head, &framing, authority);
    }
    if (problem != HTTP_PROBLEM_NONE) {
        return problem;
    }
    if (framing.bad_expectation) {
        return HTTP_EXPECTATION_FAILED;
    }
    framing_apply(head, &framing);
    return HTTP_PROBLEM_NONE;
}

/* --- the same head again --- */

struct http_known_head http_head_know(const struct http_head *head, struct slice bytes)
{
    struct slice digits = head->length_text;
    size_t at = digits.len > 0 ? (size_t)(digits.ptr - bytes.ptr) : bytes.len;

    return (struct http_known_head){(uint16_t)bytes.len, (uint16_t)at, (uint16_t)digits.len};
}

bool http_head_repeat(struct http_head *head, const struct http_known_head *known, char *bytes,
                      struct slice input)
{
    size_t at = known->length_at;
    size_t behind = at + known->length_digits;
    int64_t length = head->request.content_length;

    if (input.len < known->len || memcmp(input.ptr, bytes, at) != 0 ||
        memcmp(input.ptr + behind, bytes + behind, known->len - behind) != 0) {
        return false;
    }
    struct slice digits = slice_of(input.ptr + at, known->length_digits);
    if (digits.len > 0 && !length_parse(digits, &length)) {
        return false;
    }
    memcpy(bytes + at, digits.ptr, digits.len);
    head->request.content_length = length;
    return true;
}
