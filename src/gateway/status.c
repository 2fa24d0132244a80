/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/status.h"

#include "dialect/dialect.h"
#include "gateway/endpoint.h"
#include "gateway/worker.h"

int error_status(enum error_kind kind)
{
    switch (kind) {
    case ERROR_INVALID:
        return 400;
    case ERROR_LIMIT:
        return 413;
    case ERROR_NOT_FOUND:
        return 404;
    case ERROR_UNSUPPORTED:
        return 422;
    case ERROR_DENIED:
        return 403;
    case ERROR_ENVIRONMENT:
        return 503;
    case ERROR_NONE:
        break;
    }
    return 500;
}

/* Every answer that is no call's is counted here, under its endpoint or as `other`. */
static void count_answer(const struct http_exchange *x, int status)
{
    const struct listener *listener = http_exchange_owner(x);
    const struct endpoint *endpoint = NULL;
    struct slice rest;
    bool found = endpoint_find(http_exchange_request(x), &endpoint, &rest) == ENDPOINT_FOUND;
    metrics_request(&listener->worker->metrics,
                    found ? endpoint_index(endpoint) : METRICS_ENDPOINTS - 1, status);
}

#define HEADERS_COMMON 3

static void answer(struct http_exchange *x, int status, struct slice content_type,
                   struct slice body, struct slice allow)
{
    const struct http_header headers[HEADERS_COMMON + 1] = {
        {SLICE_INIT("content-type"), content_type},
        {SLICE_INIT("cache-control"), SLICE_INIT("no-store")},
        {SLICE_INIT("x-content-type-options"), SLICE_INIT("nosniff")},
        {SLICE_INIT("allow"), allow},
    };
    count_answer(x, status);
    http_respond(x, status, headers, allow.len > 0 ? HEADERS_COMMON + 1 : HEADERS_COMMON, body);
}

void answer_bytes(struct http_exchange *x, int status, struct slice content_type, struct slice body)
{
    answer(x, status, content_type, body, SLICE_EMPTY);
}

void answer_json(struct http_exchange *x, int status, struct slice body)
{
    answer_bytes(x, status, SLICE("application/json"), body);
}

/* Whose clients ask below these paths: they understand errors of their own dialect only. */
static const struct dialect *dialect_of_path(struct slice path)
{
    static const struct {
        struct slice prefix;
        enum dialect_id dialect;
    } prefixes[] = {
        {SLICE_INIT("/v1/messages"), DIALECT_ANTHROPIC},
        {SLICE_INIT("/v1beta/"), DIALECT_GEMINI},
        {SLICE_INIT("/api/"), DIALECT_OLLAMA},
    };
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        const struct dialect *dialect = dialect_of(prefixes[i].dialect);
        if (slice_starts(path, prefixes[i].prefix) && dialect->write_error != NULL) {
            return dialect;
        }
    }
    return dialect_of(DIALECT_OPENAI_CHAT);
}

static void write_error(const struct http_exchange *x, int status, const char *code,
                        const char *message, struct buf *out)
{
    const struct answer_error error = {
        .status = status,
        .type = status == 401  ? SLICE("authentication_error")
                : status < 500 ? SLICE("invalid_request_error")
                               : SLICE("api_error"),
        .code = slice_from_cstr(code),
        .message = slice_from_cstr(message),
    };
    dialect_of_path(http_exchange_request(x)->path)->write_error(&error, out);
}

void answer_error(struct http_exchange *x, int status, const char *code, const char *message)
{
    struct buf out = BUF_INIT(8192);
    write_error(x, status, code, message, &out);
    answer_json(x, status, buf_slice(&out));
    buf_release(&out);
}

void answer_wrong_method(struct http_exchange *x, const struct endpoint *endpoint)
{
    struct buf out = BUF_INIT(8192);
    write_error(x, 405, "method_not_allowed", "This endpoint does not take that method.", &out);
    answer(x, 405, SLICE("application/json"), buf_slice(&out),
           endpoint->method == HTTP_POST_METHOD ? SLICE("POST") : SLICE("GET, HEAD"));
    buf_release(&out);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

struct slice path_decode(struct slice text, char *buffer, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text.ptr[i + 2]) : -1;
            if (low < 0) {
                return text;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (len == size) {
            return text;
        }
        buffer[len++] = c;
    }
    return slice_of(buffer, len);
}

void answer_json_made(struct http_exchange *x, const struct buf *body)
{
    if (body->failed) {
        answer_error(x, 503, "no_memory", "The answer needs too much memory.");
    } else {
        answer_json(x, 200, buf_slice(body));
    }
}

void answer_error_of(struct http_exchange *x, const struct error *error)
{
    answer_error(x, error_status(error->kind), error->code, error->text);
}

void status_livez(struct worker *worker, struct http_exchange *x, struct slice rest,
                  struct slice body)
{
    (void)worker;
    (void)rest;
    (void)body;
    answer_bytes(x, 200, SLICE("text/plain; charset=utf-8"), SLICE("ok\n"));
}

static const char *unready_reason(struct worker *worker)
{
    struct gateway *gateway = worker->gateway;
    if (atomic_load(&gateway->draining)) {
        return "draining\n";
    }
    if (gateway->ledger != NULL) {
        struct journal_stats stats;
        journal_stats(ledger_journal(gateway->ledger), &stats);
        struct ledger_stats ledger;
        ledger_stats(gateway->ledger, &ledger);
        if (!ledger.healthy && stats.refused > 0) {
            return "ledger full\n";
        }
    }
    const struct policy *policy = &worker->snapshot->policy;
    int64_t now_ns = clock_monotonic(worker->loop.clock);
    for (size_t i = 0; i < policy->target_count; i++) {
        const struct target *target = &policy->targets[i];
        if (!target->off && !atomic_load(&target->health->switched_off) &&
            health_alive(target->health, now_ns)) {
            return NULL;
        }
    }
    return "no usable target\n";
}

void status_readyz(struct worker *worker, struct http_exchange *x, struct slice rest,
                   struct slice body)
{
    (void)rest;
    (void)body;
    const char *reason = unready_reason(worker);
    bool damaged = key_set_damage(worker->keys)[0] != '\0';
    struct slice ready =
        damaged ? SLICE("ok\nsome keys are damaged: see the log\n") : SLICE("ok\n");
    answer_bytes(x, reason == NULL ? 200 : 503, SLICE("text/plain; charset=utf-8"),
                 reason == NULL ? ready : slice_from_cstr(reason));
}

void status_metrics(struct worker *worker, struct http_exchange *x, struct slice rest,
                    struct slice body)
{
    (void)rest;
    (void)body;
    struct buf out = BUF_INIT(8u << 20);
    metrics_write(worker->gateway, &out);
    if (out.failed) {
        answer_error(x, 503, "no_memory", "The metrics need too much memory.");
    } else {
        answer_bytes(x, 200, SLICE("text/plain; version=0.0.4; charset=utf-8"), buf_slice(&out));
    }
    buf_release(&out);
}

void status_root(struct worker *worker, struct http_exchange *x, struct slice rest,
                 struct slice body)
{
    (void)worker;
    (void)rest;
    (void)body;
    answer_bytes(
        x, 200, SLICE("text/plain; charset=utf-8"),
        SLICE(
            "Sluice " SLUICE_VERSION "\n"
            "POST /v1/chat/completions   chat, model \"auto\" (SDK base URL: this address + /v1)\n"
            "POST /v1/responses /v1/embeddings /v1/completions\n"
            "POST /v1/messages           Anthropic clients (base URL: this address)\n"
            "POST /api/chat              Ollama clients (host: this address)\n"
            "POST /v1beta/models/...     Gemini clients (base URL: this address)\n"
            "GET  /v1/models             routes and targets\n"
            "POST /sluice/v1/explain     where a request would go, and why\n"
            "GET  /sluice/v1/calls       history    /sluice/v1/report  spend and savings\n"
            "GET  /metrics /livez /readyz\n"));
}
