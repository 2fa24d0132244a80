/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/attempt_request.h"

#include "gateway/runtime.h"

#define PATH_BYTES_MAX ((size_t)16 << 10)
#define LINES_BYTES_MAX ((size_t)32 << 10)

static bool knows(enum dialect_id id, enum operation operation)
{
    return (dialect_of(id)->operations & OPERATION_BIT(operation)) != 0;
}

enum dialect_id attempt_dialect(const struct provider *provider, unsigned client,
                                enum operation operation)
{
    if ((provider->dialects & DIALECT_BIT(client)) != 0) {
        return (enum dialect_id)client;
    }
    if (knows((enum dialect_id)provider->default_dialect, operation)) {
        return (enum dialect_id)provider->default_dialect;
    }
    for (unsigned id = 0; id < DIALECT_COUNT; id++) {
        if ((provider->dialects & DIALECT_BIT(id)) != 0 && knows((enum dialect_id)id, operation)) {
            return (enum dialect_id)id;
        }
    }
    return DIALECT_COUNT;
}

static const struct http_header *client_header(const struct http_request *request,
                                               struct slice name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (slice_eq_nocase(request->headers[i].name, name)) {
            return &request->headers[i];
        }
    }
    return NULL;
}

/* Does the client send headers that go on to a provider of its own dialect? */
static bool passes_headers(const struct call *call)
{
    const struct dialect *back = call->attempt.back;
    if (call->attempt.lane == LANE_TRANSLATE) {
        return false;
    }
    const struct http_request *request = http_exchange_request(call->exchange);
    for (size_t i = 0; i < back->passed_header_count; i++) {
        if (client_header(request, back->passed_headers[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static void append_line(struct buf *out, struct slice name, struct slice value)
{
    buf_append(out, name);
    buf_append(out, SLICE(": "));
    buf_append(out, value);
    buf_append(out, SLICE("\r\n"));
}

/* The dialect's own lines, less those that the client says itself. */
static void append_dialect_lines(const struct dialect *back, const struct http_request *request,
                                 struct buf *out)
{
    struct slice rest = back->request_lines;
    while (rest.len > 0) {
        struct slice line = slice_cut(&rest, '\n');
        struct slice text = line;
        struct slice name = slice_cut(&text, ':');
        if (request == NULL || client_header(request, name) == NULL) {
            buf_append(out, line);
            buf_append_char(out, '\n');
        }
    }
}

static bool make_lines(struct call *call, bool passed, struct buf *out)
{
    const struct dialect *back = call->attempt.back;
    const struct http_request *request = passed ? http_exchange_request(call->exchange) : NULL;
    buf_append(out, SLICE(ATTEMPT_COMMON_LINES));
    append_dialect_lines(back, request, out);
    for (size_t i = 0; request != NULL && i < back->passed_header_count; i++) {
        const struct http_header *header = client_header(request, back->passed_headers[i]);
        if (header != NULL && http_value_valid(header->value)) {
            append_line(out, back->passed_headers[i], header->value);
        }
    }
    return !out->failed;
}

static bool make_path(struct call *call, struct buf *out)
{
    const struct attempt *attempt = &call->attempt;
    buf_append(out, attempt->provider->url.path);
    if (attempt->back->write_path != NULL) {
        return attempt->back->write_path(&call->chat, attempt->target->model, out) && !out->failed;
    }
    return buf_append(out, attempt->back->request_path(&call->chat));
}

bool attempt_request_head(struct call *call, struct upstream_request *request)
{
    const struct attempt *attempt = &call->attempt;
    bool passed = passes_headers(call);
    if (!passed && attempt->back->write_path == NULL) {
        request->template = runtime_template(call->snapshot, attempt->target->provider,
                                             attempt->back_id, call->chat.operation);
        return true;
    }
    struct buf path = BUF_INIT(PATH_BYTES_MAX);
    struct buf lines = BUF_INIT(LINES_BYTES_MAX);
    bool ok = make_path(call, &path) && make_lines(call, passed, &lines);
    request->method = SLICE("POST");
    request->path = arena_copy(&call->arena, buf_slice(&path));
    request->headers = arena_copy(&call->arena, buf_slice(&lines));
    buf_release(&path);
    buf_release(&lines);
    return ok && request->path.ptr != NULL && request->headers.ptr != NULL;
}
