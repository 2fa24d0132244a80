/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/admission.h"

#include "base/memory.h"
#include "gateway/call_new.h"
#include "gateway/cluster_redis.h"
#include "gateway/jwks_fetch.h"
#include "store/token_revoke.h"

#define WAITING_MAX 256 /* calls of one worker at the same time */

/* --- tokens ------------------------------------------------------------------------------------
 */

#define KEY_DAMAGED_TEXT                                                                           \
    "What is stored of this subject, of whom it belongs to or of revoked tokens is not what was "  \
    "written: an administrator has to look (sluice ledger verify, sluice key reseal)."

static const char *const fault_texts[JWT_FAULTS] = {
    [JWT_MALFORMED] = "This token is no well-formed JWT.",
    [JWT_ALGORITHM] = "This token is signed in a way that is not accepted here.",
    [JWT_NO_KEY] = "This token is signed with a key that its issuer has not published.",
    [JWT_SIGNATURE] = "The signature of this token is wrong.",
    [JWT_ISSUER] = "This token is of another issuer.",
    [JWT_AUDIENCE] = "This token was made for another audience.",
    [JWT_EXPIRED] = "This token has expired.",
    [JWT_EARLY] = "This token is not valid yet.",
    [JWT_TOO_OLD] = "This token was issued too long ago.",
    [JWT_CLAIMS] = "A claim that is needed here is missing in this token, or cannot be used.",
};

static enum admission refuse(struct caller_refusal *refusal, int status, const char *code,
                             const char *text)
{
    *refusal = (struct caller_refusal){.status = status, .code = code, .text = text};
    return ADMISSION_REFUSED;
}

static enum admission refuse_fault(struct worker *worker, enum jwt_fault fault, bool required,
                                   struct caller_refusal *refusal)
{
    if (fault == JWT_OK) {
        return refuse(refusal, 503, "no_memory", "The gateway is out of memory.");
    }
    if (fault == JWT_NO_KEY) {
        jwks_fetch_want(worker->gateway);
    }
    if (!required && fault <= JWT_SIGNATURE) {
        return ADMITTED; /* whatever it is, it is none of ours */
    }
    return refuse(refusal, fault == JWT_CLAIMS ? 403 : 401, jwt_fault_code(fault),
                  fault_texts[fault]);
}

/* A token names its user, team and organisation itself. */
static bool is_below_damage(const struct key_set *keys, const struct subject *subject)
{
    bool below = false;
    for (int kind = SCOPE_USER; kind < SCOPE_KINDS; kind++) {
        const struct scope *scope =
            key_set_scope(keys, (enum scope_kind)kind, subject->scopes[kind]);
        below = below || (scope != NULL && scope->damaged);
    }
    return below;
}

static enum admission check_token(struct worker *worker, const struct http_request *request,
                                  struct slice secret, bool required, struct caller *caller,
                                  struct caller_refusal *refusal)
{
    const struct jwt_settings *settings = &worker->snapshot->jwt;
    int64_t wall_s = clock_wall(worker->loop.clock) / NS_PER_S;
    enum jwt_fault fault = JWT_OK;
    *caller = (struct caller){.keys = worker->keys};
    if (worker->jwks == NULL) {
        return refuse(refusal, 503, "jwks_unavailable",
                      "The identity provider's keys have not been read yet.");
    }
    struct token *token =
        tokens_find(worker->tokens, worker->jwks, settings, secret, wall_s, &fault);
    if (token == NULL) {
        return refuse_fault(worker, fault, required, refusal);
    }
    if (token->has_id && key_set_token_revoked(worker->keys, token->id)) {
        return refuse(refusal, 401, "token_revoked", "This token was revoked.");
    }
    if (key_set_tokens_damaged(worker->keys)) {
        return refuse(refusal, 403, "key_damaged", KEY_DAMAGED_TEXT);
    }
    token->known =
        token->known || key_set_subject_scopes(worker->keys, &token->order, &token->subject);
    caller->token = token;
    const struct key *key = token->known
                                ? key_set_by_id(worker->keys, token->subject.scopes[SCOPE_KEY])
                                : key_set_subject(worker->keys, &token->order);
    if (key != NULL && !caller_admit_key(key, request, wall_s, caller, refusal)) {
        return ADMISSION_REFUSED;
    }
    if (token->known && is_below_damage(worker->keys, &token->subject)) {
        refuse(refusal, 403, "key_damaged", KEY_DAMAGED_TEXT);
        refusal->key = key;
        return ADMISSION_REFUSED;
    }
    return key != NULL && token->known ? ADMITTED : ADMISSION_UNKNOWN;
}

/* Another node may know better. */
static bool is_in_force(const struct worker *worker, const struct caller *caller,
                        struct caller_refusal *refusal)
{
    if (caller->key == NULL || !cluster_redis_revoked(worker->gateway, caller->key->id)) {
        return true;
    }
    refuse(refusal, 401, "key_revoked", "This client key was revoked.");
    refusal->key = caller->key;
    return false;
}

enum admission admission_check(struct worker *worker, const struct http_request *request,
                               bool required, struct caller *ret_caller,
                               struct caller_refusal *ret_refusal)
{
    struct slice secret = request_secret(request);
    if (worker->snapshot->jwt.enabled && jwt_resembles(secret)) {
        enum admission found =
            check_token(worker, request, secret, required, ret_caller, ret_refusal);
        return found == ADMITTED && !is_in_force(worker, ret_caller, ret_refusal)
                   ? ADMISSION_REFUSED
                   : found;
    }
    return caller_admit(worker->keys, required, request, secret,
                        clock_wall(worker->loop.clock) / NS_PER_S, ret_caller, ret_refusal) &&
                   is_in_force(worker, ret_caller, ret_refusal)
               ? ADMITTED
               : ADMISSION_REFUSED;
}

bool admission_admin(const struct worker *worker, const struct http_request *request,
                     struct caller *ret_caller, struct caller_refusal *ret_refusal)
{
    return caller_admit_admin(worker->keys, request_secret(request),
                              clock_wall(worker->loop.clock) / NS_PER_S, ret_caller, ret_refusal) &&
           is_in_force(worker, ret_caller, ret_refusal);
}

/* --- the first token of a subject --------------------------------------------------------------
 */

struct admission_job {
    uv_work_t work;
    struct gateway *gateway;
    struct worker *worker;
    struct call *call; /* of the loop; NULL: it is over */
    int64_t wall_ns;
    struct token *token; /* its own reference; read in the pool, written and counted on the loop */
    struct subject subject;
    struct error error;
    bool done;
};

/* Else each new subject would keep a thread of the pool waiting for it. */
static bool authority_is_there(struct admission_job *job)
{
    struct share_stats stats = {.away = false};
    if (job->gateway->cluster.share != NULL) {
        share_stats(job->gateway->cluster.share, &stats);
    }
    return !stats.away || error_set(&job->error, ERROR_ENVIRONMENT, "authority_away",
                                    "PostgreSQL cannot be reached");
}

static void job_work(uv_work_t *work)
{
    struct admission_job *job = CONTAINER_OF(work, struct admission_job, work);
    bool made = false;
    const struct key_actor actor = {
        .name = SLICE("token"),
        .source = SLICE("issuer"),
        .wall_ns = job->wall_ns,
        .share = job->gateway->cluster.share, /* the others find it there, by its digest */
    };
    job->done = authority_is_there(job) &&
                key_subject_obtain(job->gateway->ledger_path, &job->token->order, &actor,
                                   &job->subject, &made, &job->error) &&
                gateway_refresh_keys(job->gateway, &job->error);
}

static enum call_step fail_call(struct call *call, const struct error *error)
{
    if (error->kind == ERROR_INVALID) { /* of the names: ambiguous, or of two organisations */
        return call_fail(call, 403, "token_claims", NULL, "%s", error->text);
    }
    return call_fail(call, 503, "keys_unavailable", NULL,
                     "The key of this token's subject could not be made now.");
}

static void job_done(uv_work_t *work, int status)
{
    struct admission_job *job = CONTAINER_OF(work, struct admission_job, work);
    struct call *call = job->call;
    (void)status;
    job->worker->admissions--;
    if (job->done) {
        job->token->subject = job->subject;
        job->token->known = true;
    }
    token_unref(job->token);
    if (call != NULL) {
        call->admission = NULL;
        call_run(call, job->done ? STEP_ADMIT : fail_call(call, &job->error));
    }
    memory_free(job);
}

enum call_step admission_wait(struct call *call)
{
    struct worker *worker = call->worker;
    struct admission_job *job =
        worker->admissions < WAITING_MAX ? memory_array(1, sizeof(*job)) : NULL;
    if (job == NULL) {
        return call_fail(call, 503, "keys_unavailable", NULL,
                         "Too many subjects come for the first time: try again.");
    }
    job->gateway = worker->gateway;
    job->worker = worker;
    job->call = call;
    job->wall_ns = clock_wall(worker->loop.clock);
    job->token = token_ref(call->token);
    call->admission = job;
    worker->admissions++;
    uv_queue_work(&worker->loop.uv, &job->work, job_work, job_done);
    return STEP_WAIT;
}

void admission_forget(struct call *call)
{
    if (call->admission != NULL) {
        call->admission->call = NULL;
        call->admission = NULL;
    }
    token_unref(call->token);
    call->token = NULL;
}
