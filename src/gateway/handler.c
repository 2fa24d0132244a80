/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the HTTP server hands over: inference endpoints become calls, the others answer by
 * themselves. What hangs on an exchange is told by its first word, a magic number: a call or a
 * pending query.
 */
#include "gateway/admin.h"
#include "gateway/admission.h"
#include "gateway/call.h"
#include "gateway/call_new.h"
#include "gateway/call_record.h"
#include "gateway/cors.h"
#include "gateway/head_note.h"
#include "gateway/refusals.h"
#include "gateway/status.h"

#include "base/log.h"

static struct worker *worker_of(const struct http_exchange *x)
{
    const struct listener *listener = http_exchange_owner(x);
    return listener->worker;
}

static struct call *call_of(const struct http_exchange *x)
{
    struct call *call = http_exchange_user(x);
    return call != NULL && call->magic == CALL_MAGIC ? call : NULL;
}

static bool is_admin(const struct http_exchange *x)
{
    const struct listener *listener = http_exchange_owner(x);
    return listener->admin;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "localhost[:port]" or an IP literal. */
static bool host_is_local(struct slice host)
{
    size_t digits = 0; /* and dots */
    while (digits < host.len && (host.ptr[digits] == '.' || is_digit(host.ptr[digits]))) {
        digits++;
    }
    if (digits > 0 && (digits == host.len || host.ptr[digits] == ':')) {
        return true;
    }
    if (host.len > 0 && host.ptr[0] == '[') {
        return true;
    }
    struct slice name = slice_cut(&host, ':');
    return slice_eq_nocase(name, SLICE("localhost")) || slice_ends(name, SLICE(".localhost"));
}

static bool refuse_admin(struct caller_refusal *refusal, const char *text)
{
    *refusal = (struct caller_refusal){.status = 403, .code = "admin_only", .text = text};
    return false;
}

/* Whose key it is that knocks at what is not for keys. */
static void find_knocker(const struct worker *worker, const struct http_request *request,
                         struct caller_refusal *refusal)
{
    struct slice secret = request_secret(request);
    enum key_state state = key_set_check(worker->keys, secret, 0, &refusal->key);
    refusal->silent = state == KEY_UNKNOWN && secret.len == 0;
}

static bool is_keyed(const struct http_exchange *x)
{
    const struct listener *listener = http_exchange_owner(x);
    return listener->keyed;
}

/* Where administrators' keys administer nothing else is served. */
static bool check_keyed(const struct worker *worker, const struct http_exchange *x,
                        const struct endpoint *endpoint, struct caller_refusal *refusal)
{
    const struct http_request *request = http_exchange_request(x);
    struct caller caller;
    if (endpoint->access == ACCESS_PUBLIC) {
        return true;
    }
    if (!admission_admin(worker, request, &caller, refusal)) {
        return false;
    }
    *refusal = (struct caller_refusal){.status = 403, .key = caller.key};
    if (endpoint->access == ACCESS_KEY || endpoint->inference) {
        refusal->code = "admin_key";
        refusal->text = "Administrators administer here, and call no models.";
        return false;
    }
    refusal->code = "admin_scope";
    refusal->text = "This endpoint is for administrators of everything, not of a part.";
    return endpoint->scoped || !caller_is_scoped(&caller);
}

/* The admin API is for whoever may open the socket file. In front what only looks is open while no
 * keys are required, which is loopback only. */
static bool check_access(struct worker *worker, const struct http_exchange *x,
                         const struct endpoint *endpoint, struct caller_refusal *refusal)
{
    const struct http_request *request = http_exchange_request(x);
    struct caller unused;
    bool open = !worker->snapshot->keys_required;
    if (is_keyed(x)) {
        return check_keyed(worker, x, endpoint, refusal);
    }
    if (endpoint->access == ACCESS_PUBLIC || endpoint->access == ACCESS_SCRAPE || is_admin(x)) {
        return true;
    }
    if (endpoint->access == ACCESS_OWNER || (endpoint->access == ACCESS_ADMIN && !open)) {
        refuse_admin(refusal, endpoint->access == ACCESS_OWNER
                                  ? "This endpoint is served on the admin socket only."
                                  : "This endpoint is served on the admin socket only while client "
                                    "keys are required.");
        find_knocker(worker, request, refusal);
        return false;
    }
    return endpoint->access == ACCESS_ADMIN || (endpoint->access == ACCESS_OWN && open) ||
           admission_check(worker, request, !open, &unused, refusal) != ADMISSION_REFUSED;
}

/*
 * Where no key is required, whoever reaches the port may use it: that must not be a web page in the
 * user's browser. A page that had its name re-bound to this address comes with a foreign Host; one
 * that posts across sites comes with an Origin and, lest it be asked beforehand, without a JSON
 * content type.
 */
static bool may_be_of_page(const struct http_request *request)
{
    if (!host_is_local(request->host)) {
        return true;
    }
    struct slice origin =
        http_header_find(request->headers, request->header_count, SLICE("origin"));
    if (origin.len == 0 || request->method != HTTP_POST_METHOD) {
        return false;
    }
    struct slice type =
        http_header_find(request->headers, request->header_count, SLICE("content-type"));
    return !(type.len >= 16 && slice_eq_nocase(slice_of(type.ptr, 16), SLICE("application/json")));
}

static bool is_foreign_page(const struct worker *worker, const struct http_request *request)
{
    if (worker->snapshot->keys_required || http_noted(request, HEAD_OF_NO_PAGE)) {
        return false;
    }
    if (may_be_of_page(request)) {
        return true;
    }
    http_note(request, HEAD_OF_NO_PAGE);
    return false;
}

static void plain_head(struct worker *worker, struct http_exchange *x,
                       const struct endpoint *endpoint, struct slice rest)
{
    struct caller_refusal refusal;
    if (!check_access(worker, x, endpoint, &refusal)) {
        metric_add(&worker->metrics.unauthorized, 1);
        refusal_note(worker, x, endpoint, &refusal);
        answer_error(x, refusal.status, refusal.code, refusal.text);
        return;
    }
    if (request_is_encoded(http_exchange_request(x))) {
        answer_error(x, 415, "unsupported_content_encoding",
                     "Request bodies are taken as they are: leave Content-Encoding out.");
        return;
    }
    if (endpoint->method == HTTP_POST_METHOD) {
        http_accept_body(x, (size_t)worker->snapshot->server.body_bytes);
        return;
    }
    endpoint->answer(worker, x, rest, SLICE_EMPTY);
}

/* What no endpoint but the public ones takes. True: it was answered. */
static bool refuse_caller(struct worker *worker, struct http_exchange *x,
                          const struct endpoint *endpoint)
{
    if (endpoint->access == ACCESS_PUBLIC) {
        return false;
    }
    if (endpoint->access != ACCESS_SCRAPE && request_secret_ambiguous(http_exchange_request(x))) {
        answer_error(x, 400, "duplicate_header",
                     "There is more than one Authorization header, or x-api-key, or "
                     "x-goog-api-key.");
        return true;
    }
    if (!is_admin(x) && is_foreign_page(worker, http_exchange_request(x))) {
        answer_error(x, 403, "foreign_page",
                     "While no client key is required, Host must be localhost or an IP address and "
                     "requests of web pages are refused (keys.required: true lifts this).");
        return true;
    }
    return false;
}

static void on_head(struct http_exchange *x)
{
    struct worker *worker = worker_of(x);
    const struct endpoint *endpoint = NULL;
    struct slice rest = SLICE_EMPTY;
    switch (endpoint_find(http_exchange_request(x), &endpoint, &rest)) {
    case ENDPOINT_UNKNOWN:
        answer_error(x, 404, "unknown_endpoint",
                     "No such endpoint. Chat is POST /v1/chat/completions; the base URL for SDKs "
                     "ends in /v1.");
        return;
    case ENDPOINT_WRONG_METHOD:
        if (is_admin(x) || is_foreign_page(worker, http_exchange_request(x)) ||
            !cors_preflight(worker, x, endpoint)) {
            answer_wrong_method(x, endpoint);
        }
        return;
    case ENDPOINT_FOUND:
        break;
    }
    if (!is_admin(x)) {
        cors_allow(worker, x, endpoint);
    }
    if (refuse_caller(worker, x, endpoint)) {
        return;
    }
    if (!endpoint->inference || is_keyed(x)) { /* of the latter none gets through */
        plain_head(worker, x, endpoint, rest);
        return;
    }
    struct call *call = call_new(worker, x, endpoint);
    if (call == NULL) {
        answer_error(x, 503, "no_memory", "The gateway is out of memory.");
        return;
    }
    call_run(call, STEP_ADMIT);
}

static void on_body(struct http_exchange *x, struct slice body)
{
    struct call *call = call_of(x);
    if (call != NULL) {
        call->chat.body = body;
        call_run(call, STEP_PARSE);
        return;
    }
    const struct endpoint *endpoint = NULL;
    struct slice rest = SLICE_EMPTY;
    if (endpoint_find(http_exchange_request(x), &endpoint, &rest) == ENDPOINT_FOUND &&
        endpoint->method == HTTP_POST_METHOD) {
        endpoint->answer(worker_of(x), x, rest, body);
    }
}

static void on_drain(struct http_exchange *x)
{
    struct call *call = call_of(x);
    if (call != NULL && call->attempt.upstream_open && !call->waits) {
        upstream_resume(&call->attempt.request);
    }
}

/* The server answered by itself: the body was too large, too slow or badly framed. Nothing that the
 * ledger should know, but a line in the log. */
static void refused_body(struct call *call, const struct http_request *request)
{
    int64_t limit = call->snapshot->server.body_bytes;
    call->status = request->content_length > limit ? 413 : 400;
    call->error_code = "body_refused";
    struct call_record record;
    call_record_fill(call, clock_monotonic(call->worker->loop.clock), &record);
    call_record_closed(call, &record);
    call_run(call, STEP_DONE);
}

static void on_end(struct http_exchange *x, const enum http_gone *gone)
{
    void *user = http_exchange_user(x);
    if (user == NULL) {
        return;
    }
    struct call *call = call_of(x);
    if (call == NULL) {
        admin_job_gone(user);
        return;
    }
    if (gone == NULL && call->step == STEP_READ) {
        refused_body(call, http_exchange_request(x));
        return;
    }
    if (gone != NULL && *gone == HTTP_GONE_SHUTDOWN) {
        call_cut(call);
        return;
    }
    call_gone(call);
}

const struct http_handler gateway_handler = {
    .on_head = on_head,
    .on_body = on_body,
    .on_drain = on_drain,
    .on_end = on_end,
};
