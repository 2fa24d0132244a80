/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/caller.h"

#include "codec/utf8.h"
#include "model/tag.h"

static bool refuse(struct caller_refusal *refusal, const struct key *key, int status,
                   const char *code, const char *text)
{
    *refusal = (struct caller_refusal){.status = status, .code = code, .text = text, .key = key};
    return false;
}

static bool refuse_state(struct caller_refusal *refusal, const struct key *key,
                         enum key_state state)
{
    switch (state) {
    case KEY_REVOKED:
        return refuse(refusal, key, 401, "key_revoked", "This client key was revoked.");
    case KEY_EXPIRED:
        return refuse(refusal, key, 401, "key_expired", "This client key has expired.");
    case KEY_ROTATED:
        return refuse(refusal, key, 401, "key_rotated",
                      "This secret was replaced by a newer one of the same key (sluice key "
                      "rotate), and the time in which both open is over.");
    case KEY_DAMAGED:
        return refuse(
            refusal, key, 403, "key_damaged",
            "What is stored of this client key, or of whom it belongs to, is not what was "
            "written: an administrator has to look (sluice ledger verify, sluice key "
            "reseal).");
    default:
        return refuse(refusal, key, 403, "key_blocked",
                      "This client key is blocked: a provider charged more than could be foreseen, "
                      "and nobody has acknowledged it yet (sluice key acknowledge).");
    }
}

/* Web pages say where they come from; a key that names origins opens for those only. */
static bool origin_is_allowed(const struct key_set *keys, const struct key *key,
                              const struct http_request *request)
{
    if (key->grant_count == 0) {
        return true;
    }
    struct slice origin =
        http_header_find(request->headers, request->header_count, SLICE("origin"));
    return key_may_use(keys, key, GRANT_ORIGIN, origin);
}

static bool refuse_unknown(struct caller_refusal *refusal, struct slice secret)
{
    refuse(refusal, NULL, 401, "invalid_api_key",
           secret.len == 0 ? "No client key was given: send Authorization: Bearer sk-sl-... "
                             "(sluice key create)."
                           : "This client key is not known.");
    refusal->silent = secret.len == 0;
    return false;
}

static bool admit_in_state(const struct key *key, enum key_state state,
                           const struct http_request *request, struct caller *caller,
                           struct caller_refusal *refusal)
{
    if (state != KEY_IN_FORCE) {
        return refuse_state(refusal, key, state);
    }
    if (key->role != KEY_CLIENT) {
        return refuse(refusal, key, 403, "admin_key",
                      "This is an administrator's key: it calls no models.");
    }
    if (!origin_is_allowed(caller->keys, key, request)) {
        return refuse(refusal, key, 403, "origin_not_allowed",
                      "This client key is for web pages of other origins.");
    }
    caller->key = key;
    return true;
}

bool caller_admit(const struct key_set *keys, bool required, const struct http_request *request,
                  struct slice secret, int64_t wall_s, struct caller *ret_caller,
                  struct caller_refusal *ret_refusal)
{
    const struct key *key = NULL;
    enum key_state state = key_set_check(keys, secret, wall_s, &key);
    *ret_caller = (struct caller){.keys = keys};
    if (key == NULL) {
        return !required || refuse_unknown(ret_refusal, secret);
    }
    return admit_in_state(key, state, request, ret_caller, ret_refusal);
}

bool caller_admit_key(const struct key *key, const struct http_request *request, int64_t wall_s,
                      struct caller *caller, struct caller_refusal *ret_refusal)
{
    return admit_in_state(key, key_state_at(key, wall_s), request, caller, ret_refusal);
}

bool caller_admit_admin(const struct key_set *keys, struct slice secret, int64_t wall_s,
                        struct caller *ret_caller, struct caller_refusal *ret_refusal)
{
    const struct key *key = NULL;
    enum key_state state = key_set_check(keys, secret, wall_s, &key);
    *ret_caller = (struct caller){.keys = keys};
    if (key == NULL) {
        return refuse_unknown(ret_refusal, secret);
    }
    if (state != KEY_IN_FORCE) {
        return refuse_state(ret_refusal, key, state);
    }
    if (key->role != KEY_ADMIN) {
        return refuse(ret_refusal, key, 403, "client_key",
                      "This is a client's key: it administers nothing.");
    }
    ret_caller->key = key;
    return true;
}

bool caller_is_scoped(const struct caller *caller)
{
    const uint64_t *scopes = caller->key == NULL ? NULL : caller->key->scopes;
    return scopes != NULL &&
           (scopes[SCOPE_USER] | scopes[SCOPE_TEAM] | scopes[SCOPE_ORGANISATION]) != 0;
}

/* --- what it may ask for ---------------------------------------------------------------------- */

/* What a key lists, or what a token does; of both only what both allow is allowed. */
struct list {
    const struct grant *grants;
    size_t count;
};

static struct list list_of_key(const struct caller *caller)
{
    size_t count = 0;
    if (caller->key == NULL) {
        return (struct list){NULL, 0};
    }
    const struct grant *grants = key_set_grants(caller->keys, &count);
    return (struct list){grants + caller->key->grant_first, caller->key->grant_count};
}

static struct list list_of_token(const struct caller *caller)
{
    return caller->token == NULL ? (struct list){NULL, 0}
                                 : (struct list){caller->token->grants, caller->token->grant_count};
}

static bool has_no_grants(const struct caller *caller)
{
    return (caller->key == NULL || caller->key->grant_count == 0) &&
           (caller->token == NULL || caller->token->grant_count == 0);
}

static bool may_use(struct list list, enum grant_kind kind, struct slice name)
{
    return grants_allow(list.grants, list.count, kind, name);
}

static bool may_ask_route(struct list list, struct slice asked)
{
    return may_use(list, GRANT_MODEL, asked) && may_use(list, GRANT_ROUTE, asked);
}

static bool may_ask_target(struct list list, struct slice asked, const struct target *target)
{
    bool listed = grants_list(list.grants, list.count, GRANT_TARGET) ||
                  grants_list(list.grants, list.count, GRANT_MODEL);
    return may_use(list, GRANT_TARGET, target->name) && may_use(list, GRANT_MODEL, asked) &&
           (listed || !grants_list(list.grants, list.count, GRANT_ROUTE));
}

bool caller_may_ask_route(const struct caller *caller, struct slice asked)
{
    return has_no_grants(caller) || (may_ask_route(list_of_key(caller), asked) &&
                                     may_ask_route(list_of_token(caller), asked));
}

bool caller_may_use_target(const struct caller *caller, const struct target *target)
{
    return has_no_grants(caller) || (may_use(list_of_key(caller), GRANT_TARGET, target->name) &&
                                     may_use(list_of_token(caller), GRANT_TARGET, target->name));
}

bool caller_may_ask_target(const struct caller *caller, struct slice asked,
                           const struct target *target)
{
    return has_no_grants(caller) || (may_ask_target(list_of_key(caller), asked, target) &&
                                     may_ask_target(list_of_token(caller), asked, target));
}

struct slice caller_tag(const struct caller *caller)
{
    size_t count;
    if (caller->key == NULL) {
        return SLICE_EMPTY;
    }
    const struct grant *grants = key_set_grants(caller->keys, &count);
    for (size_t i = 0; i < caller->key->grant_count; i++) {
        const struct grant *grant = &grants[caller->key->grant_first + i];
        if (grant->kind == GRANT_TAG) {
            return utf8_prefix(slice_from_cstr(grant->text), TAG_BYTES_MAX);
        }
    }
    return SLICE_EMPTY;
}
