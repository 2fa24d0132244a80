/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cors.h"

#include "gateway/head_note.h"
#include "gateway/status.h"

#include <stdio.h>

#define ASKED_HEADERS_MAX 1024

static struct slice header_of(const struct http_exchange *x, struct slice name)
{
    const struct http_request *request = http_exchange_request(x);
    return http_header_find(request->headers, request->header_count, name);
}

static bool is_listed(const struct server_settings *settings, struct slice origin)
{
    for (size_t i = 0; i < settings->cors_origin_count; i++) {
        if (slice_eq(settings->cors_origins[i], SLICE("*")) ||
            slice_eq_nocase(settings->cors_origins[i], origin)) {
            return true;
        }
    }
    return false;
}

static bool is_for_pages(const struct endpoint *endpoint)
{
    return endpoint->access == ACCESS_KEY || endpoint->access == ACCESS_PUBLIC;
}

static bool is_allowed(const struct worker *worker, struct slice origin)
{
    return origin.len > 0 && origin.len <= GRANT_TEXT_MAX && http_value_valid(origin) &&
           (is_listed(&worker->snapshot->server, origin) ||
            key_set_lists_origin(worker->keys, origin));
}

static void let_in(struct http_exchange *x, struct slice origin)
{
    http_exchange_add_line(x, SLICE("Access-Control-Allow-Origin"), origin);
    http_exchange_add_line(x, SLICE("Vary"), SLICE("Origin"));
}

void cors_allow(struct worker *worker, struct http_exchange *x, const struct endpoint *endpoint)
{
    const struct http_request *request = http_exchange_request(x);
    if (http_noted(request, HEAD_NO_ORIGIN)) {
        return;
    }
    struct slice origin = header_of(x, SLICE("origin"));
    if (origin.len == 0) {
        http_note(request, HEAD_NO_ORIGIN);
    } else if (is_for_pages(endpoint) && is_allowed(worker, origin)) {
        let_in(x, origin);
        http_exchange_add_line(x, SLICE("Access-Control-Expose-Headers"), SLICE("*"));
    }
}

/* Names with commas between them, as a browser writes them. */
static bool are_names(struct slice text)
{
    if (text.len == 0 || text.len > ASKED_HEADERS_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != ',' && text.ptr[i] != ' ' &&
            !http_byte_is(text.ptr[i], HTTP_TOKEN_BYTE)) {
            return false;
        }
    }
    return true;
}

bool cors_preflight(struct worker *worker, struct http_exchange *x, const struct endpoint *endpoint)
{
    struct slice origin = header_of(x, SLICE("origin"));
    struct slice method = header_of(x, SLICE("access-control-request-method"));
    struct slice names = header_of(x, SLICE("access-control-request-headers"));
    struct slice private_network = header_of(x, SLICE("access-control-request-private-network"));
    char seconds[24];
    if (http_exchange_request(x)->method != HTTP_OPTIONS_METHOD || origin.len == 0 ||
        method.len == 0 || !is_for_pages(endpoint)) {
        return false;
    }
    if (!is_allowed(worker, origin)) {
        metric_add(&worker->metrics.unauthorized, 1);
        answer_error(x, 403, "origin_not_allowed",
                     "Web pages of this origin may not call: no client key lists it, nor does "
                     "server.cors.origins.");
        return true;
    }
    let_in(x, origin);
    http_exchange_add_line(x, SLICE("Access-Control-Allow-Methods"), SLICE("GET, HEAD, POST"));
    if (are_names(names)) {
        http_exchange_add_line(x, SLICE("Access-Control-Allow-Headers"), names);
    }
    if (slice_eq(private_network,
                 SLICE("true"))) { /* a page of the internet, and this on loopback */
        http_exchange_add_line(x, SLICE("Access-Control-Allow-Private-Network"), SLICE("true"));
    }
    snprintf(seconds, sizeof(seconds), "%lld",
             (long long)(worker->snapshot->server.cors_max_age_ms / 1000));
    http_exchange_add_line(x, SLICE("Access-Control-Max-Age"), slice_from_cstr(seconds));
    http_respond(x, 204, NULL, 0, SLICE_EMPTY);
    return true;
}
