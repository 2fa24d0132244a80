/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http.h"

struct slice http_header_find(const struct http_header *headers, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (headers[i].name.len == name.len && slice_eq_nocase(headers[i].name, name)) {
            return headers[i].value;
        }
    }
    return SLICE_EMPTY;
}

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {424, "Failed Dependency"},
        {425, "Too Early"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {451, "Unavailable For Legal Reasons"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
        {529, "Overloaded"}, /* not registered; used by model providers */
    };

    if (status == 200) {
        return "OK";
    }
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Status";
}

enum { CHAR_TOKEN = 1, CHAR_VALUE = 2 };

/* What each byte may be part of: a token (tchar), a field value (VCHAR, obs-text, SP, HTAB). */
static const unsigned char char_class[256] = {
    ['\t'] = CHAR_VALUE,
    [' '] = CHAR_VALUE,
    ['!'] = CHAR_TOKEN | CHAR_VALUE,
    ['"'] = CHAR_VALUE,
    ['#' ... '\''] = CHAR_TOKEN | CHAR_VALUE,
    ['(' ... ')'] = CHAR_VALUE,
    ['*' ... '+'] = CHAR_TOKEN | CHAR_VALUE,
    [','] = CHAR_VALUE,
    ['-' ... '.'] = CHAR_TOKEN | CHAR_VALUE,
    ['/'] = CHAR_VALUE,
    ['0' ... '9'] = CHAR_TOKEN | CHAR_VALUE,
    [':' ... '@'] = CHAR_VALUE,
    ['A' ... 'Z'] = CHAR_TOKEN | CHAR_VALUE,
    ['[' ... ']'] = CHAR_VALUE,
    ['^' ... 'z'] = CHAR_TOKEN | CHAR_VALUE,
    ['{'] = CHAR_VALUE,
    ['|'] = CHAR_TOKEN | CHAR_VALUE,
    ['}'] = CHAR_VALUE,
    ['~'] = CHAR_TOKEN | CHAR_VALUE,
    [128 ... 255] = CHAR_VALUE,
};

static bool all_of_class(struct slice s, unsigned char wanted)
{
    unsigned char common = wanted;

    /* No early exit: the usual text is clean, and this form lets the compiler unroll. */
    for (size_t i = 0; i < s.len; i++) {
        common &= char_class[(unsigned char)s.ptr[i]];
    }
    return common != 0;
}

bool http_name_valid(struct slice name)
{
    return name.len > 0 && all_of_class(name, CHAR_TOKEN);
}

bool http_value_valid(struct slice value)
{
    return all_of_class(value, CHAR_VALUE);
}
