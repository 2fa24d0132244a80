/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http.h"

#include "net/http_text.h"

struct slice http_header_find(const struct http_header *headers, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (headers[i].name.len == name.len && slice_eq_nocase(headers[i].name, name)) {
            return headers[i].value;
        }
    }
    return SLICE_EMPTY;
}

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

const char *http_reason(int status)
{
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

/* The sum of the classes that a byte belongs to. */
/* clang-format off */
const unsigned char http_byte_classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 7, 4, 1, 7, 7, 7, 7, 6, 6, 7, 7, 4, 7, 7, 4,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 4, 6, 4, 6, 4, 4,
    4, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 4, 0, 4, 5, 7,
    5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 4, 5, 4, 7, 0,
};
/* clang-format on */

bool http_bytes_are(struct slice s, enum http_byte_class class)
{
    unsigned all = class;

    /* No early exit here and below: the usual text is clean. */
    for (size_t i = 0; i < s.len; i++) {
        all &= http_byte_classes[(unsigned char)s.ptr[i]];
    }
    return all != 0;
}

bool http_name_valid(struct slice name)
{
    return name.len > 0 && http_bytes_are(name, HTTP_TOKEN_BYTE);
}

bool http_value_valid(struct slice value)
{
    size_t at = http_text_run(value.ptr, value.len);

    while (at < value.len && value.ptr[at] == '\t') {
        at++;
        at += http_text_run(value.ptr + at, value.len - at);
    }
    return at == value.len;
}
