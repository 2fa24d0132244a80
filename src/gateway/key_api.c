/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/key_api.h"

#include "base/log.h"
#include "base/memory.h"
#include "codec/json_write.h"
#include "codec/jwt.h"
#include "codec/utf8.h"
#include "gateway/key_body.h"
#include "gateway/refusals.h"
#include "store/audit.h"
#include "store/limit_change.h"

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

#define TOKEN_START "eyJ"
#define TOKEN_MIN 40 /* of what may be a piece of one */

static bool is_token_byte(char c)
{
    return is_secret_digit(c) || c == '-' || c == '_' || c == '.';
}

/* Tokens become their first letters; what only begins like one stays. */
static void redact_tokens(struct slice text, struct buf *out)
{
    for (size_t at; (at = slice_find_slice(text, SLICE(TOKEN_START))) != SIZE_MAX;) {
        size_t end = at;
        size_t dots = 0;
        while (end < text.len && is_token_byte(text.ptr[end])) {
            dots += text.ptr[end++] == '.';
        }
        bool token = dots >= 2 || end - at >= TOKEN_MIN;
        size_t kept = token ? at + strlen(TOKEN_START) : end;
        buf_append(out, slice_of(text.ptr, kept));
        buf_append_cstr(out, token ? "..." : "");
        text = slice_from(text, end);
    }
    buf_append(out, text);
}

static void redact_keys(struct slice text, struct buf *out)
{
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

void key_api_redact(struct slice text, struct buf *out)
{
    if (slice_find(text, '\\') != SIZE_MAX || slice_find_slice(text, SLICE("eyJ")) != SIZE_MAX) {
        return;
    }
    redact_keys(text, out);
}

/* What stands between strings, without white space. */
static void append_dense(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr(" \t\r\n", text.ptr[i]) == NULL) {
            buf_append(out, slice_of(text.ptr + i, 1));
        }
    }
}

/* The audit log keeps what is printable; all else goes there as escapes. */
static void escape_printable(struct slice text, struct buf *out)
{
    while (text.len > 0) {
        size_t length = text_printable_length(text);
        uint32_t rune = 0;
        if (length > 0 || (unsigned char)text.ptr[0] < 0x80) {
            length = length == 0 ? 1 : length;
            (void)!json_escape(slice_of(text.ptr, length), out);
            text = slice_from(text, length);
            continue;
        }
        char unit[16];
        length = utf8_decode(text, &rune);
        if (length == 0) { /* the document is UTF-8, a piece of a key may not be */
            rune = 0xfffd;
            length = 1;
        }
        if (rune >= 0x10000) {
            snprintf(unit, sizeof(unit), "\\u%04x\\u%04x",
                     0xd800 + ((rune - 0x10000) >> 10 & 0x3ff), 0xdc00 + (rune & 0x3ff));
        } else {
            snprintf(unit, sizeof(unit), "\\u%04x", rune & 0xffff);
        }
        buf_append_cstr(out, unit);
        text = slice_from(text, length);
    }
}

bool key_api_detail(const struct json_doc *doc, struct slice text, struct buf *out)
{
    struct buf plain = BUF_INIT(KEY_BODY_MAX);
    struct buf half = BUF_INIT(2 * KEY_BODY_MAX);
    struct buf whole = BUF_INIT(2 * KEY_BODY_MAX);
    bool clean = true;
    size_t done = 0;
    for (uint32_t i = 0; i < doc->count; i++) {
        if (!json_is(doc, i, JSON_STRING)) {
            continue;
        }
        buf_clear(&plain);
        buf_clear(&half);
        buf_clear(&whole);
        (void)!json_unescape(json_inner(doc, i), &plain);
        redact_keys(buf_slice(&plain), &half);
        redact_tokens(buf_slice(&half), &whole);
        clean &= slice_eq(buf_slice(&plain), buf_slice(&whole));
        append_dense(slice_of(text.ptr + done, doc->nodes[i].start + 1 - done), out);
        escape_printable(buf_slice(&whole), out);
        done = doc->nodes[i].end - 1;
    }
    append_dense(slice_from(text, done), out);
    buf_release(&plain);
    buf_release(&half);
    buf_release(&whole);
    return clean;
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
                          &result->key, &result->older_secrets, error);
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
    if (ok && !key_api_detail(&body->doc, request->body, &detail) &&
        (request->operation == KEY_OPERATION_CREATE || request->operation == KEY_OPERATION_LIMIT)) {
        ok = error_set(error, ERROR_INVALID, "looks_secret",
                       "a name in it looks like a key or a token, which no log may have");
    }
    if (ok) {
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
