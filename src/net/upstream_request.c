/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request: rendered each time, or once into a template that many requests share. */
#include "net/upstream_private.h"

#include "base/memory.h"
#include "base/number.h"

#include <openssl/crypto.h>

static const struct slice length_name = SLICE_INIT("Content-Length: ");
static const struct slice line_end = SLICE_INIT("\r\n");

/* A blank or control character would end the request line early. */
static bool line_is_valid(struct slice method, struct slice path)
{
    unsigned bad = 0;

    for (size_t i = 0; i < path.len; i++) {
        unsigned char byte = (unsigned char)path.ptr[i];
        bad |= (unsigned)(byte <= 0x20) | (unsigned)(byte == 0x7f);
    }
    return bad == 0 && path.len > 0 && path.ptr[0] == '/' && http_name_valid(method);
}

/* RFC 9110 8.6: a method that anticipates content says so even when there is none. */
static bool anticipates_content(struct slice method)
{
    return slice_eq(method, SLICE("POST")) || slice_eq(method, SLICE("PUT")) ||
           slice_eq(method, SLICE("PATCH"));
}

static bool is_forwarded(const struct upstream_origin *origin)
{
    return origin->proxy_host != NULL && !origin->https;
}

/* All but Content-Length and the empty line. */
static bool render_start(struct buf *head, const struct upstream_origin *origin,
                         struct slice method, struct slice path, struct slice headers)
{
    buf_append(head, method);
    buf_append_char(head, ' ');
    if (is_forwarded(origin)) { /* absolute form for a proxy (RFC 9112 3.2.2) */
        buf_append_cstr(head, "http://");
        buf_append_cstr(head, origin->authority);
    }
    buf_append(head, path);
    buf_append(head, SLICE(" HTTP/1.1\r\nHost: "));
    buf_append_cstr(head, origin->authority);
    buf_append(head, line_end);
    if (origin->proxy_headers != NULL && !origin->https) {
        buf_append_cstr(head, origin->proxy_headers);
    }
    buf_append_cstr(head, origin->headers);
    return buf_append(head, headers);
}

bool request_is_sendable(const struct upstream_request *r)
{
    return r->template != NULL || line_is_valid(r->method, r->path);
}

bool request_has_no_body(const struct upstream_request *r)
{
    return r->template != NULL ? r->template->no_body : slice_eq(r->method, SLICE("HEAD"));
}

static bool says_length(const struct upstream_request *r)
{
    return r->body.len > 0 ||
           (r->template != NULL ? r->template->says_length : anticipates_content(r->method));
}

bool request_render(struct buf *head, const struct upstream_request *r)
{
    buf_clear(head);
    if (r->template != NULL) {
        buf_append(head, slice_of(r->template->head, r->template->head_len));
    } else {
        render_start(head, r->origin, r->method, r->path, r->headers);
    }
    if (says_length(r)) {
        buf_append(head, length_name);
        buf_append_u64(head, r->body.len);
        buf_append(head, line_end);
    }
    return buf_append(head, line_end);
}

/* --- templates --- */

bool upstream_template_init(struct upstream_template *template,
                            const struct upstream_origin *origin, struct slice method,
                            struct slice path, struct slice headers, struct error *error)
{
    struct buf head =
        BUF_INIT(REQUEST_HEAD_MAX - NUMBER_DIGITS_MAX - length_name.len - 2 * line_end.len);

    *template = (struct upstream_template){
        .origin = origin,
        .no_body = slice_eq(method, SLICE("HEAD")),
        .says_length = anticipates_content(method),
    };
    if (!line_is_valid(method, path)) {
        return error_set(error, ERROR_INVALID, "invalid_request_line",
                         "the path cannot stand in a request line");
    }
    bool ok = render_start(&head, origin, method, path, headers);
    template->head = head.ptr;
    template->head_len = head.len;
    if (!ok) {
        upstream_template_release(template);
        return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    return true;
}

void upstream_template_release(struct upstream_template *template)
{
    if (template->head != NULL) {
        OPENSSL_cleanse(template->head, template->head_len);
    }
    memory_free(template->head);
    *template = (struct upstream_template){.head = NULL};
}
