/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second opinion on heads: what our reader accepts, llhttp must accept too, with the same names
 * and values and the same framing. (Not the other way round: llhttp forgives more.) For unit tests
 * and fuzz targets.
 */
#ifndef SLUICE_TESTS_LLHTTP_ORACLE_H
#define SLUICE_TESTS_LLHTTP_ORACLE_H

#include "net/http.h"

#include <llhttp.h>
#include <stdlib.h>

struct oracle {
    const struct http_header *headers;
    size_t count;
    size_t names;
    struct slice name; /* so far: spans of one name or value touch */
    struct slice value;
    bool differs;
};

static void oracle_span(struct slice *so_far, const char *at, size_t len)
{
    so_far->ptr = so_far->ptr == NULL ? at : so_far->ptr;
    so_far->len += len;
}

static int oracle_on_name(llhttp_t *parser, const char *at, size_t len)
{
    struct oracle *oracle = parser->data;
    oracle_span(&oracle->name, at, len);
    return 0;
}

static int oracle_on_value(llhttp_t *parser, const char *at, size_t len)
{
    struct oracle *oracle = parser->data;
    oracle_span(&oracle->value, at, len);
    return 0;
}

static int oracle_on_value_complete(llhttp_t *parser)
{
    struct oracle *oracle = parser->data;
    size_t i = oracle->names++;
    oracle->differs = oracle->differs || i >= oracle->count ||
                      !slice_eq(oracle->name, oracle->headers[i].name) ||
                      !slice_eq(slice_trim(oracle->value), oracle->headers[i].value);
    oracle->name = SLICE_EMPTY;
    oracle->value = SLICE_EMPTY;
    return 0;
}

static int oracle_on_headers_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

/*
 * A copy with spaces for the tabs that end a line: RFC 9110 5.6.3 lets both stand there, llhttp
 * takes only spaces after the digits of Content-Length. NULL without memory.
 */
static char *oracle_without_tabs(struct slice bytes)
{
    char *copy = malloc(bytes.len + 1);
    bool at_end = false;
    for (size_t i = bytes.len; copy != NULL && i-- > 0;) {
        char byte = bytes.ptr[i];
        at_end = byte == '\r' || (at_end && (byte == ' ' || byte == '\t'));
        copy[i] = at_end && byte == '\t' ? ' ' : byte;
    }
    return copy;
}

/* Does llhttp read these bytes, all of them, as a head with these headers? */
static bool oracle_reads(llhttp_t *parser, enum llhttp_type type, struct slice bytes,
                         const struct http_header *headers, size_t count)
{
    static const llhttp_settings_t settings = {
        .on_header_field = oracle_on_name,
        .on_header_value = oracle_on_value,
        .on_header_value_complete = oracle_on_value_complete,
        .on_headers_complete = oracle_on_headers_complete,
    };
    struct oracle oracle = {.headers = headers, .count = count};
    llhttp_init(parser, type, &settings);
    parser->data = &oracle;
    char *copy = oracle_without_tabs(bytes);
    bool reads = copy != NULL && llhttp_execute(parser, copy, bytes.len) == HPE_PAUSED &&
                 llhttp_get_error_pos(parser) == copy + bytes.len && !oracle.differs &&
                 oracle.names == count;
    free(copy);
    return reads;
}

static inline bool oracle_agrees_on_request(struct slice bytes, const struct http_request *request)
{
    llhttp_t parser;
    if (!oracle_reads(&parser, HTTP_REQUEST, bytes, request->headers, request->header_count)) {
        return false;
    }
    bool chunked = (parser.flags & F_CHUNKED) != 0;
    bool sized = (parser.flags & F_CONTENT_LENGTH) != 0;
    if (request->content_length < 0) {
        return chunked && !sized;
    }
    return !chunked && (sized ? parser.content_length == (uint64_t)request->content_length
                              : request->content_length == 0);
}

static inline bool oracle_agrees_on_answer(struct slice bytes, int status,
                                           const struct http_header *headers, size_t count)
{
    llhttp_t parser;
    return oracle_reads(&parser, HTTP_RESPONSE, bytes, headers, count) &&
           parser.status_code == status;
}

#endif
