/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/caller.h"

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
    if (state != KEY_IN_FORCE) {
        return refuse_state(ret_refusal, key, state);
    }
    if (key->role != KEY_CLIENT) {
        return refuse(ret_refusal, key, 403, "admin_key",
                      "This is an administrator's key: it calls no models.");
    }
    if (!origin_is_allowed(keys, key, request)) {
        return refuse(ret_refusal, key, 403, "origin_not_allowed",
                      "This client key is for web pages of other origins.");
    }
    ret_caller->key = key;
    return true;
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

static bool has_no_grants(const struct caller *caller)
{
    return caller->key == NULL || caller->key->grant_count == 0;
}

bool caller_may_ask_route(const struct caller *caller, struct slice asked)
{
    return has_no_grants(caller) || (key_may_use(caller->keys, caller->key, GRANT_MODEL, asked) &&
                                     key_may_use(caller->keys, caller->key, GRANT_ROUTE, asked));
}

bool caller_may_use_target(const struct caller *caller, const struct target *target)
{
    return has_no_grants(caller) ||
           key_may_use(caller->keys, caller->key, GRANT_TARGET, target->name);
}

bool caller_may_ask_target(const struct caller *caller, struct slice asked,
                           const struct target *target)
{
    if (has_no_grants(caller)) {
        return true;
    }
    bool listed = key_grants_any(caller->keys, caller->key, GRANT_TARGET) ||
                  key_grants_any(caller->keys, caller->key, GRANT_MODEL);
    return caller_may_use_target(caller, target) &&
           key_may_use(caller->keys, caller->key, GRANT_MODEL, asked) &&
           (listed || !key_grants_any(caller->keys, caller->key, GRANT_ROUTE));
}
