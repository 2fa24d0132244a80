/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_new.h"

#include "gateway/call_session.h"

#include "gateway/admission.h"
#include "gateway/call_budget.h"
#include "gateway/call_check.h"
#include "gateway/call_exact.h"
#include "gateway/call_wait.h"
#include "gateway/head_note.h"

#include "gateway/attempt_run.h"

#include "base/memory.h"

#define DOC_NODES_KEPT 4096

bool request_secret_ambiguous(const struct http_request *request)
{
    static const struct slice names[] = {SLICE_INIT("authorization"), SLICE_INIT("x-api-key"),
                                         SLICE_INIT("x-goog-api-key")};
    unsigned seen[ARRAY_LEN(names)] = {0};
    if (http_noted(request, HEAD_ONE_SECRET)) {
        return false;
    }
    for (size_t i = 0; i < request->header_count; i++) {
        for (size_t n = 0; n < ARRAY_LEN(names); n++) {
            if (slice_eq_nocase(request->headers[i].name, names[n]) && ++seen[n] > 1) {
                return true;
            }
        }
    }
    http_note(request, HEAD_ONE_SECRET);
    return false;
}

bool request_is_encoded(const struct http_request *request)
{
    if (http_noted(request, HEAD_NOT_ENCODED)) {
        return false;
    }
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        if (header->name.len == 16 && slice_eq_nocase(header->name, SLICE("content-encoding")) &&
            header->value.len > 0 && !slice_eq_nocase(header->value, SLICE("identity"))) {
            return true;
        }
    }
    http_note(request, HEAD_NOT_ENCODED);
    return false;
}

static struct slice header_of(const struct http_request *request, struct slice name)
{
    return http_header_find(request->headers, request->header_count, name);
}

static struct slice bearer_of(const struct http_request *request)
{
    struct slice value = header_of(request, SLICE("authorization"));
    bool bearer = value.len > 7 && slice_eq_nocase(slice_of(value.ptr, 7), SLICE("bearer "));
    return bearer ? slice_trim(slice_from(value, 7)) : SLICE_EMPTY;
}

static struct slice query_key(struct slice query)
{
    while (query.len > 0) {
        struct slice pair = slice_cut(&query, '&');
        if (slice_starts(pair, SLICE("key="))) {
            return slice_from(pair, 4);
        }
    }
    return SLICE_EMPTY;
}

static struct slice find_secret(const struct http_request *request)
{
    bool anthropic = slice_starts(request->path, SLICE("/v1/messages"));
    struct slice api_key = header_of(request, SLICE("x-api-key"));
    struct slice bearer = bearer_of(request);
    if (bearer.len > 0 && !(anthropic && api_key.len > 0)) {
        return bearer;
    }
    if (api_key.len == 0) {
        api_key = header_of(request, SLICE("x-goog-api-key"));
    }
    bool gemini = slice_starts(request->path, SLICE("/v1beta/")) ||
                  slice_starts(request->path, SLICE("/v1/models/"));
    if (api_key.len == 0 && gemini) {
        api_key = query_key(request->query);
    }
    return api_key;
}

struct slice request_secret(const struct http_request *request)
{
    if (!http_noted(request, HEAD_HAS_SECRET)) {
        struct slice secret = find_secret(request);
        if (request->note == NULL) {
            return secret;
        }
        request->note->text = secret;
        http_note(request, HEAD_HAS_SECRET);
    }
    return request->note->text;
}

struct decision *call_take_decision(struct call *call)
{
    if (call->spare.decision == NULL) {
        call->spare.decision = memory_alloc(sizeof(*call->spare.decision));
    }
    return call->spare.decision;
}

struct decoder *call_take_decoder(struct call *call, const struct dialect *dialect)
{
    struct decoder *decoder = call->spare.decoder;
    if (decoder == NULL || call->spare.decoder_dialect != dialect) {
        return dialect->decoder_new(CALL_FRAME_BYTES_MAX);
    }
    call->spare.decoder = NULL;
    return decoder;
}

static void free_spare_decoder(struct call *call)
{
    if (call->spare.decoder != NULL) {
        call->spare.decoder_dialect->decoder_free(call->spare.decoder);
        call->spare.decoder = NULL;
    }
}

void call_give_decoder(struct call *call, const struct dialect *dialect, struct decoder *decoder)
{
    free_spare_decoder(call);
    dialect->decoder_reset(decoder);
    call->spare.decoder = decoder;
    call->spare.decoder_dialect = dialect;
}

void call_release_request(struct call *call)
{
    buf_release(&call->attempt.body);
    attempt_forget_secret(&call->attempt);
    arena_release(&call->arena);
    json_doc_release(&call->doc);
    memory_free(call->spare.decision);
    call->spare.decision = NULL;
}

void call_destroy(struct call *call)
{
    call_release_request(call);
    attempt_release(call);
    free_spare_decoder(call);
    buf_release(&call->candidates);
    memory_free(call);
}

static struct call *call_take(struct worker *worker)
{
    struct call *call = call_keep_take(&worker->keep);
    if (call == NULL) {
        call = memory_array(1, sizeof(*call));
        if (call == NULL) {
            worker->keep.live--;
            return NULL;
        }
        attempt_init(&call->attempt);
        arena_init(&call->arena, CALL_ARENA_BUDGET);
        buf_init(&call->candidates, (size_t)CANDIDATES_MAX * CANDIDATE_BYTES);
        return call;
    }
    memset(call, 0, offsetof(struct call, failures));
    call->failures[0] = '\0';
    buf_clear(&call->candidates);
    return call;
}

static void list_add(struct call *call)
{
    struct worker *worker = call->worker;
    call->previous = NULL;
    call->next = worker->calls;
    if (call->next != NULL) {
        call->next->previous = call;
    }
    worker->calls = call;
}

static void list_remove(struct call *call)
{
    if (call->previous != NULL) {
        call->previous->next = call->next;
    } else {
        call->worker->calls = call->next;
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
}

struct call *call_new(struct worker *worker, struct http_exchange *x,
                      const struct endpoint *endpoint)
{
    struct call *call = call_take(worker);
    if (call == NULL) {
        return NULL;
    }
    call->magic = CALL_MAGIC;
    call->worker = worker;
    list_add(call);
    call->exchange = x;
    call->snapshot = snapshot_ref(worker->snapshot);
    call->endpoint = endpoint;
    call->front = dialect_of(endpoint->dialect);
    call->started_ns = http_exchange_started(x);
    call->started_wall_ns = clock_wall(worker->loop.clock);
    call->id = id_make_at(call->started_wall_ns, &worker->random);
    id_format(call->id, call->id_text);
    call->baseline = NO_TARGET;
    call->max_cost_nd = NO_LIMIT;
    call->task = TASK_OTHER;
    http_exchange_set_user(x, call);
    return call;
}

static void doc_trim(struct json_doc *doc)
{
    if (doc->cap > DOC_NODES_KEPT) {
        json_doc_release(doc);
    }
}

void call_free(struct call *call)
{
    struct worker *worker = call->worker;
    call_wait_end(call);
    call_check_free(call);
    call_session_end(call);
    call_budget_leave(call);
    admission_forget(call);
    call_exact_forget(call);
    list_remove(call);
    attempt_reset(call);
    if (call->encoder != NULL) {
        call->front->encoder_free(call->encoder);
    }
    arena_reset(&call->arena);
    snapshot_unref(call->snapshot);
    call->magic = 0;
    buf_clear(&worker->out);
    buf_trim(&worker->out, WORKER_OUT_KEPT);
    doc_trim(&call->doc);
    if (!call_keep_give(&worker->keep, call)) {
        call_destroy(call);
    }
}
