/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys, scopes and the audit log over HTTP (key_api.h has what they say). A change is answered when
 * it is in the database and every worker has it.
 */
#include "gateway/admin.h"
#include "gateway/admin_job.h"
#include "gateway/key_api.h"
#include "gateway/key_body.h"
#include "gateway/refusals.h"
#include "gateway/status.h"

#include "codec/json_write.h"
#include "store/audit.h"

#include <openssl/crypto.h>
#include <stdio.h>

#define AUDIT_PAGE 100

/* --- changing ----------------------------------------------------------------------------------
 */

static void ask_change(struct admin_job *job)
{
    struct key_result result;
    const struct key_request request = {
        .operation = job->operation,
        .ledger = job->path,
        .clock = job->gateway->clock,
        .body = buf_slice(&job->body),
        .actor = slice_from_cstr(job->actor),
        .source = slice_from_cstr(job->source),
        .set = job->keys,
        .administrator = job->caller,
        .refusals = job->gateway->refusals,
        .share = job->gateway->cluster.share,
    };
    job->ok = key_api_change(&request, &result, &job->error) &&
              gateway_refresh_keys(job->gateway, &job->error);
    if (job->ok) {
        uint64_t generation = 0;
        struct key_set *set = gateway_keys(job->gateway, &generation);
        key_api_write_result(set, &result, clock_wall(request.clock) / NS_PER_S, &job->answer);
        key_set_unref(set);
    }
    OPENSSL_cleanse(&result, sizeof(result));
}

/* Who asks, as the audit log calls it; and the keys of this moment. */
static void set_caller(struct admin_job *job, const struct caller *caller,
                       const struct http_exchange *x)
{
    struct slice peer = http_exchange_peer(x);
    /* caller->key is of this set */
    job->keys = key_set_ref(job->worker->keys);
    job->caller = caller->key;
    if (caller->key == NULL) {
        slice_to_cstr(SLICE("local"), job->actor, sizeof(job->actor));
    } else {
        snprintf(job->actor, sizeof(job->actor), "admin:%llu %s",
                 (unsigned long long)caller->key->id, caller->key->name);
    }
    slice_to_cstr(peer.len > 0 ? peer : SLICE("socket"), job->source, sizeof(job->source));
}

static void change(struct worker *worker, struct http_exchange *x, struct slice body,
                   enum key_operation operation)
{
    struct caller caller;
    struct error error;
    if (!exchange_admin(worker, x, &caller, &error)) {
        answer_error_of(x, &error);
        return;
    }
    struct admin_job *job = admin_job_new(worker, x, ask_change);
    if (job == NULL) {
        return;
    }
    job->operation = operation;
    set_caller(job, &caller, x);
    /* A body beyond the ceiling is cut, and refused for what is left of it. */
    buf_append(&job->body,
               slice_of(body.ptr, body.len > KEY_BODY_MAX ? KEY_BODY_MAX + 1 : body.len));
    admin_job_start(worker, job);
}

void admin_key_create(struct worker *worker, struct http_exchange *x, struct slice rest,
                      struct slice body)
{
    (void)rest;
    change(worker, x, body, KEY_OPERATION_CREATE);
}

void admin_key_revoke(struct worker *worker, struct http_exchange *x, struct slice rest,
                      struct slice body)
{
    (void)rest;
    change(worker, x, body, KEY_OPERATION_REVOKE);
}

void admin_key_rotate(struct worker *worker, struct http_exchange *x, struct slice rest,
                      struct slice body)
{
    (void)rest;
    change(worker, x, body, KEY_OPERATION_ROTATE);
}

void admin_key_acknowledge(struct worker *worker, struct http_exchange *x, struct slice rest,
                           struct slice body)
{
    (void)rest;
    change(worker, x, body, KEY_OPERATION_ACKNOWLEDGE);
}

void admin_key_reseal(struct worker *worker, struct http_exchange *x, struct slice rest,
                      struct slice body)
{
    (void)rest;
    change(worker, x, body, KEY_OPERATION_RESEAL);
}

void admin_limits(struct worker *worker, struct http_exchange *x, struct slice rest,
                  struct slice body)
{
    (void)rest;
    change(worker, x, body, KEY_OPERATION_LIMIT);
}

/* --- reading -----------------------------------------------------------------------------------
 */

/* A whole number from 0 to `most`, or what stands for none. */
static bool read_number(struct http_exchange *x, struct slice name, uint64_t most,
                        uint64_t *ret_number)
{
    struct slice text = query_parameter(x, name);
    return text.ptr == NULL || (slice_to_u64(text, ret_number) && *ret_number <= most);
}

void admin_keys(struct worker *worker, struct http_exchange *x, struct slice rest,
                struct slice body)
{
    struct buf out = BUF_INIT(JOB_ANSWER);
    uint64_t after = 0;
    uint64_t limit = KEY_LIST_MAX;
    (void)rest;
    (void)body;
    struct caller caller;
    struct error error;
    if (!exchange_admin(worker, x, &caller, &error)) {
        answer_error_of(x, &error);
        return;
    }
    if (!read_number(x, SLICE("after"), INT64_MAX, &after) ||
        !read_number(x, SLICE("limit"), KEY_LIST_MAX, &limit) || limit == 0) {
        answer_error(x, 400, "invalid_query",
                     "after is the id of a key, limit a whole number from 1 to 1000.");
        return;
    }
    key_api_write_list(worker->keys, caller.key, after, (size_t)limit,
                       clock_wall(worker->loop.clock) / NS_PER_S, &out);
    answer_json_made(x, &out);
    buf_release(&out);
}

void admin_key(struct worker *worker, struct http_exchange *x, struct slice rest, struct slice body)
{
    struct buf out = BUF_INIT(JOB_ANSWER);
    struct error error;
    struct caller caller;
    uint64_t id = 0;
    (void)body;
    if (!exchange_admin(worker, x, &caller, &error)) {
        answer_error_of(x, &error);
        return;
    }
    if (!slice_to_u64(rest, &id)) {
        answer_error(x, 400, "invalid_id", "A key's id is a whole number.");
        return;
    }
    if (key_api_write_one(worker->keys, caller.key, id, clock_wall(worker->loop.clock) / NS_PER_S,
                          &out, &error)) {
        answer_json_made(x, &out);
    } else {
        answer_error_of(x, &error);
    }
    buf_release(&out);
}

void admin_scopes(struct worker *worker, struct http_exchange *x, struct slice rest,
                  struct slice body)
{
    struct buf out = BUF_INIT(JOB_ANSWER);
    struct caller caller;
    struct error error;
    (void)rest;
    (void)body;
    if (!exchange_admin(worker, x, &caller, &error)) {
        answer_error_of(x, &error);
        return;
    }
    key_api_write_scopes(worker->keys, caller.key, &out);
    answer_json_made(x, &out);
    buf_release(&out);
}

/* --- the audit log -----------------------------------------------------------------------------
 */

static void ask_audit(struct admin_job *job)
{
    struct arena arena;
    struct audit_page page;
    arena_init(&arena, JOB_ARENA);
    job->ok = audit_list(job->path, job->after, job->limit, &arena, &page, &job->error);
    if (job->ok) {
        key_api_write_audit(&page, &job->answer);
    }
    arena_release(&arena);
}

void admin_audit(struct worker *worker, struct http_exchange *x, struct slice rest,
                 struct slice body)
{
    uint64_t before = 0;
    uint64_t limit = AUDIT_PAGE;
    (void)rest;
    (void)body;
    if (!read_number(x, SLICE("before"), INT64_MAX, &before) ||
        !read_number(x, SLICE("limit"), AUDIT_LIST_MAX, &limit) || limit == 0) {
        answer_error(x, 400, "invalid_query",
                     "before is the id of an entry, limit a whole number from 1 to 1000.");
        return;
    }
    struct admin_job *job = admin_job_new(worker, x, ask_audit);
    if (job != NULL) {
        job->after = before;
        job->limit = (size_t)limit;
        admin_job_start(worker, job);
    }
}

static void ask_audit_verify(struct admin_job *job)
{
    struct audit_head head;
    job->ok = audit_verify(job->path, slice_from_cstr(job->word), &head, &job->error);
    if (job->ok) {
        key_api_write_audit_head(&head, &job->answer);
    }
}

void admin_audit_verify(struct worker *worker, struct http_exchange *x, struct slice rest,
                        struct slice body)
{
    (void)rest;
    (void)body;
    struct admin_job *job = admin_job_new(worker, x, ask_audit_verify);
    if (job != NULL) {
        slice_to_cstr(query_parameter(x, SLICE("expect")), job->word, sizeof(job->word));
        admin_job_start(worker, job);
    }
}
