/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/attempt_request.h"

#include "base/memory.h"
#include "gateway/gateway.h"
#include "gateway/runtime.h"

#define PATH_BYTES_MAX ((size_t)16 << 10)
#define LINES_BYTES_MAX ((size_t)32 << 10)

static bool knows(enum dialect_id id, enum operation operation, unsigned speakers)
{
    return (dialect_of(id)->operations & OPERATION_BIT(operation)) != 0 &&
           (speakers == 0 || (speakers & DIALECT_BIT(id)) != 0);
}

static bool speaks(const struct provider *provider, unsigned id)
{
    return (provider->dialects & DIALECT_BIT(id)) != 0;
}

enum dialect_id attempt_dialect(const struct provider *provider, unsigned client,
                                enum operation operation, unsigned speakers)
{
    for (unsigned left = provider->dialects; left != 0; left &= left - 1) {
        enum dialect_id id = (enum dialect_id)__builtin_ctz(left);
        if ((dialect_of(id)->instead_of & provider->dialects) != 0 &&
            knows(id, operation, speakers)) {
            return id;
        }
    }
    if (speaks(provider, client)) {
        return (enum dialect_id)client;
    }
    if (knows((enum dialect_id)provider->default_dialect, operation, speakers)) {
        return (enum dialect_id)provider->default_dialect;
    }
    for (unsigned id = 0; id < DIALECT_COUNT; id++) {
        if (speaks(provider, id) && knows((enum dialect_id)id, operation, speakers)) {
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

/* Names of deployments are made of what needs no encoding; all else is encoded. */
static void append_deployment(struct buf *out, struct slice model)
{
    static const char digits[] = "0123456789ABCDEF";
    buf_append(out, SLICE("/deployments/"));
    for (size_t i = 0; i < model.len; i++) {
        unsigned char c = (unsigned char)model.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        const char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
        buf_append(out, plain ? slice_of(model.ptr + i, 1) : slice_of(escape, sizeof escape));
    }
}

bool attempt_path(const struct provider *provider, enum dialect_id id, const struct chat *chat,
                  struct slice model, struct buf *out)
{
    const struct dialect *back = dialect_of(id);
    buf_append(out, provider->url.path);
    if (back->write_path != NULL) {
        return back->write_path(chat, model, out) && !out->failed;
    }
    if (provider->api_version.len > 0 && id != DIALECT_OPENAI_RESPONSES) {
        append_deployment(out, model); /* Responses have the model in the body only */
    }
    buf_append(out, back->request_path(chat));
    if (provider->api_version.len > 0) {
        buf_append(out, SLICE("?api-version="));
        buf_append(out, provider->api_version);
    }
    return !out->failed;
}

static bool make_path(struct call *call, struct buf *out)
{
    const struct attempt *attempt = &call->attempt;
    return attempt_path(attempt->provider, attempt->back_id, &call->chat, attempt->model, out);
}

/* --- credentials that are made for each request --- */

static bool is_made_each_time(const struct provider *provider)
{
    return provider->auth == AUTH_AWS_SIGV4 || provider->auth == AUTH_GOOGLE_SERVICE_ACCOUNT;
}

static bool sign(const struct call *call, const struct upstream_request *request, struct slice path,
                 struct buf *lines)
{
    const struct provider *provider = call->attempt.provider;
    const struct sigv4_header headers[] = {
        {SLICE("content-type"), SLICE("application/json")},
        {SLICE("host"), slice_from_cstr(request->origin->authority)},
    };
    struct slice query = path;
    struct slice plain = slice_cut(&query, '?');
    const struct sigv4_request signed_request = {
        .method = SLICE("POST"),
        .path = plain,
        .query = plain.len < path.len ? query : SLICE_EMPTY,
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .body = request->body,
        .region = provider->region,
        .service = slice_from_cstr(provider->preset->aws_service),
        .time_s = clock_wall(call->worker->loop.clock) / NS_PER_S,
    };
    return provider->aws.secret_access_key.len > 0 &&
           sigv4_sign(&provider->aws, &signed_request, lines);
}

static bool append_credential(const struct call *call, const struct upstream_request *request,
                              struct slice path, struct buf *lines)
{
    const struct provider *provider = call->attempt.provider;
    if (provider->auth == AUTH_AWS_SIGV4) {
        return sign(call, request, path, lines);
    }
    return google_tokens_append(call->worker->gateway->google_tokens, &provider->account,
                                clock_monotonic(call->worker->loop.clock), lines);
}

/* --- the head --- */

static bool make_head(struct call *call, bool passed, struct upstream_request *request,
                      struct error *error)
{
    struct buf path = BUF_INIT(PATH_BYTES_MAX);
    struct buf lines = BUF_INIT(LINES_BYTES_MAX);
    struct attempt *attempt = &call->attempt;
    bool secret = is_made_each_time(attempt->provider);
    (void)buf_reserve(&lines, secret ? LINES_BYTES_MAX : 0); /* growing would leave copies */
    bool ok = make_path(call, &path) && make_lines(call, passed, &lines);
    bool credible = !ok || !secret || append_credential(call, request, buf_slice(&path), &lines);
    request->method = SLICE("POST");
    request->path = arena_copy(&call->arena, buf_slice(&path));
    request->headers = credible ? arena_copy(&call->arena, buf_slice(&lines)) : SLICE_EMPTY;
    if (secret && lines.ptr != NULL) {
        memory_wipe(lines.ptr, lines.cap);
        attempt->secret = request->headers;
    }
    buf_release(&path);
    buf_release(&lines);
    if (!credible) {
        return error_set(error, ERROR_ENVIRONMENT, "credential_unavailable",
                         "There is no valid credential for the provider %.*s now.",
                         SLICE_ARG(attempt->provider->name));
    }
    return (ok && request->path.ptr != NULL && request->headers.ptr != NULL) ||
           error_set(error, ERROR_LIMIT, "request_too_large",
                     "The request's head needs too much memory.");
}

bool attempt_request_head(struct call *call, struct upstream_request *request, struct error *error)
{
    const struct attempt *attempt = &call->attempt;
    bool passed = passes_headers(call);
    if (!passed && attempt->back->write_path == NULL && !is_made_each_time(attempt->provider) &&
        attempt->provider->api_version.len == 0) {
        request->template = runtime_template(call->snapshot, attempt->target->provider,
                                             attempt->back_id, call->chat.operation);
        return true;
    }
    return make_head(call, passed, request, error);
}
