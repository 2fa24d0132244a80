/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/key_api.h"

#include "base/log.h"
#include "base/memory.h"
#include "codec/jwt.h"
#include "gateway/key_body.h"
#include "gateway/refusals.h"
#include "store/audit.h"

#include <stdio.h>

#define SECRET_START "sk-sl-"
#define SECRET_SHOWN 4 /* digits, as a key's prefix has them */
#define NAMES_TRIED 1000

static const char *const operation_names[KEY_OPERATIONS] = {
    [KEY_OPERATION_CREATE] = "key.create",  [KEY_OPERATION_REVOKE] = "key.revoke",
    [KEY_OPERATION_ROTATE] = "key.rotate",  [KEY_OPERATION_ACKNOWLEDGE] = "key.acknowledge",
    [KEY_OPERATION_LIMIT] = "limit.change", [KEY_OPERATION_RESEAL] = "key.reseal",
};

const char *key_operation_name(enum key_operation operation)
{
    return operation_names[operation];
}

/* --- the audit log -----------------------------------------------------------------------------
 */

static bool is_secret_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Digits at the start of `text`, but for those with which the next key begins. */
static size_t secret_length(struct slice text)
{
    size_t length = 0;
    while (length < text.len && is_secret_digit(text.ptr[length]) &&
           !slice_starts(slice_from(text, length), SLICE(SECRET_START))) {
        length++;
    }
    return length;
}

void key_api_redact(struct slice text, struct buf *out)
{
    if (slice_find(text, '\\') != SIZE_MAX || slice_find_slice(text, SLICE("eyJ")) != SIZE_MAX) {
        return;
    }
    for (size_t at; (at = slice_find_slice(text, SLICE(SECRET_START))) != SIZE_MAX;) {
        buf_append(out, slice_of(text.ptr, at + strlen(SECRET_START)));
        text = slice_from(text, at + strlen(SECRET_START));
        size_t length = secret_length(text);
        if (length > SECRET_SHOWN) {
            buf_append(out, slice_of(text.ptr, SECRET_SHOWN));
            buf_append_cstr(out, "...");
            text = slice_from(text, length);
        }
    }
    buf_append(out, text);
}

void key_api_refused(const struct key_request *request, const struct error *error)
{
    struct buf detail = BUF_INIT(AUDIT_DETAIL_MAX);
    struct error failure;
    if (request->refusals != NULL && !refusals_allow(request->refusals)) {
        return;
    }
    if (request->body.len < AUDIT_DETAIL_MAX / 2) {
        key_api_redact(request->body, &detail);
    }
    const struct audit_entry entry = {
        .at_ns = clock_wall(request->clock),
        .actor = request->actor,
        .source = request->source,
        .action = slice_from_cstr(key_operation_name(request->operation)),
        .outcome = slice_from_cstr(error->code),
        .detail = buf_slice(&detail),
    };
    if (!audit_record(request->ledger, &entry, 1, &failure) &&
        strcmp(failure.code, "ledger_missing") != 0) {
        log_event(LOG_ERROR, "audit_failed", "a refusal (%s) could not be recorded: %s",
                  error->code, failure.text);
    }
    buf_release(&detail);
}

/* --- changing ----------------------------------------------------------------------------------
 */

/* "default", then "key-2" and so on where no name was given. */
static bool create(const struct key_request *request, struct key_body *body,
                   const struct key_actor *actor, struct key_result *result, struct error *error)
{
    char made[32] = "default";
    bool named = body->order.name.len > 0;
    for (int i = 2; i < NAMES_TRIED; i++) {
        body->order.name = named ? body->order.name : slice_from_cstr(made);
        if (key_create(request->ledger, &body->order, actor, result->secret, &result->key, error)) {
            return true;
        }
        if (named || strcmp(error->code, "key_exists") != 0) {
            return false;
        }
        snprintf(made, sizeof(made), "key-%d", i);
        body->order.name = SLICE_EMPTY;
    }
    return false;
}

static bool revoke_token(const struct key_request *request, struct key_body *body,
                         const struct key_actor *actor, struct key_result *result,
                         struct error *error)
{
    if (jwt_resembles(body->token)) {
        return error_set(error, ERROR_INVALID, "bad_token_id",
                         "this is a token: what names it is its jti");
    }
    slice_to_cstr(body->token, result->token, sizeof(result->token));
    result->token_expires_s = body->token_expires_s;
    return token_revoke(request->ledger, body->token, body->token_expires_s, actor, error);
}

static bool change(const struct key_request *request, struct key_body *body,
                   const struct key_actor *actor, struct key_result *result, struct error *error)
{
    switch (request->operation) {
    case KEY_OPERATION_CREATE:
        return create(request, body, actor, result, error);
    case KEY_OPERATION_REVOKE:
        return body->token.len > 0
                   ? revoke_token(request, body, actor, result, error)
                   : key_revoke(request->ledger, body->which, actor, &result->key, error);
    case KEY_OPERATION_ROTATE:
        result->overlap_s = body->overlap_s;
        return key_rotate(request->ledger, body->which, body->overlap_s, actor, result->secret,
                          &result->key, error);
    case KEY_OPERATION_ACKNOWLEDGE:
        return key_acknowledge(request->ledger, body->which, actor, &result->key, error);
    case KEY_OPERATION_RESEAL:
        return key_reseal(request->ledger, actor, result->resealed, error);
    default:
        return key_limit(request->ledger, &body->subject, &body->change, actor, &result->rule,
                         &result->made, error);
    }
}

bool key_api_change(const struct key_request *request, struct key_result *ret_result,
                    struct error *error)
{
    struct key_body *body = memory_array(1, sizeof(*body));
    struct buf detail = BUF_INIT(AUDIT_DETAIL_MAX);
    memset(ret_result, 0, sizeof(*ret_result));
    ret_result->operation = request->operation;
    if (body == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    int64_t wall_ns = clock_wall(request->clock);
    bool ok = key_body_read(body, request->operation, request->body, wall_ns / NS_PER_S, error);
    if (ok) {
        key_api_redact(request->body, &detail);
        const struct key_actor actor = {
            .name = request->actor,
            .source = request->source,
            .detail = buf_slice(&detail),
            .wall_ns = wall_ns,
            .set = request->set,
            .administrator = request->administrator,
            .share = request->share,
            .spread = &ret_result->spread,
        };
        ok = change(request, body, &actor, ret_result, error);
    }
    if (!ok) {
        key_api_refused(request, error);
    }
    buf_release(&detail);
    key_body_release(body);
    memory_free(body);
    return ok;
}
