/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of HTTP/1.1 (RFC 9110, RFC 9112) that the server and the client share.
 */
#ifndef SLUICE_NET_HTTP_H
#define SLUICE_NET_HTTP_H

#include "base/buf.h"
#include "base/slice.h"

enum http_method {
    HTTP_GET_METHOD,
    HTTP_HEAD_METHOD,
    HTTP_POST_METHOD,
    HTTP_PUT_METHOD,
    HTTP_DELETE_METHOD,
    HTTP_OPTIONS_METHOD,
    HTTP_PATCH_METHOD,
    HTTP_OTHER_METHOD
};

struct http_header {
    struct slice name;
    struct slice value;
};

/* What the handler found in a head and would find again. A head that comes once more on its
   connection, but for its Content-Length, comes with the note that it had before: only what does
   not depend on that may be noted. The texts of the request stay where they are as well. */
struct http_note {
    uint32_t bits;
    const void *found;
    struct slice text;
};

struct http_request {
    enum http_method method;
    struct slice method_text;
    struct slice path;  /* origin-form without the query, as sent (still percent-encoded) */
    struct slice query; /* without '?' */
    struct slice host;
    struct http_header *headers;
    size_t header_count;
    int64_t content_length; /* -1: chunked; 0: none */
    bool keep_alive;
    struct http_note *note; /* the handler's; may be NULL */
};

/* Has the handler noted this? */
static inline bool http_noted(const struct http_request *request, uint32_t bit)
{
    return request->note != NULL && (request->note->bits & bit) != 0;
}

static inline void http_note(const struct http_request *request, uint32_t bit)
{
    if (request->note != NULL) {
        request->note->bits |= bit;
    }
}

struct http_response {
    int status;
    struct http_header *headers;
    size_t header_count;
    int64_t content_length; /* -1: chunked or until the end of the connection */
};

#define HTTP_CONTENT_LENGTH_UNKNOWN (-1)

/* First header with this name (case ignored); empty slice with NULL ptr when absent. */
struct slice http_header_find(const struct http_header *headers, size_t count, struct slice name);
/* "OK", "Not Found" ...; "Status" for others. */
const char *http_reason(int status);
/* token / field-value syntax of RFC 9110 5.6.2 and 5.5: no control characters, no bare CR or LF. */
bool http_name_valid(struct slice name);
bool http_value_valid(struct slice value);

enum http_byte_class {
    HTTP_TOKEN_BYTE = 1,  /* tchar: ! # $ % & ' * + - . ^ _ ` | ~ digits and letters */
    HTTP_HOST_BYTE = 2,   /* of a reg-name (RFC 3986 3.2.2) but the comma */
    HTTP_TARGET_BYTE = 4, /* 0x21..0x7e but '#' and '\' */
};
extern const unsigned char http_byte_classes[256];
static inline bool http_byte_is(char c, enum http_byte_class class)
{
    return (http_byte_classes[(unsigned char)c] & class) != 0;
}
/* Are all of them? True for none. */
bool http_bytes_are(struct slice s, enum http_byte_class class);

#endif
