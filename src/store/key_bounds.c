/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key_bounds.h"

static bool exceeds(struct error *error, const char *what)
{
    return error_set(error, ERROR_DENIED, "exceeds_creator",
                     "an administrator cannot give more than it has itself: %s", what);
}

bool bounds_reach(const struct key_actor *actor, const uint64_t scopes[SCOPE_KINDS])
{
    if (actor->administrator == NULL) {
        return true;
    }
    const uint64_t *own = actor->administrator->scopes;
    for (enum scope_kind kind = SCOPE_USER; kind < SCOPE_KINDS; kind++) {
        if (own[kind] != 0 && own[kind] != scopes[kind]) {
            return false;
        }
    }
    return true;
}

/* --- limits ------------------------------------------------------------------------------------
 */

static bool within(int64_t own, int64_t given)
{
    return own == LIMIT_NONE || (given != LIMIT_NONE && given <= own);
}

static bool cap_is_kept(const struct spend_cap *own, const struct scope_limits *limits)
{
    for (size_t i = 0; i < limits->cap_count; i++) {
        const struct spend_cap *given = &limits->caps[i];
        bool period = given->period == CAP_TOTAL ||
                      (given->period == own->period && given->window_s == own->window_s);
        if (period && !given->soft && given->amount_nd <= own->amount_nd) {
            return true;
        }
    }
    return false;
}

/* The administrator's own limits for all models; NULL: none. */
static const struct scope_limits *own_limits(const struct key_actor *actor)
{
    size_t count = 0;
    const struct scope_rule *rules = key_set_rules(actor->set, &count);
    struct rule_range range = actor->administrator->rules[SCOPE_KEY];
    const struct scope_rule *first = range.count == 0 ? NULL : &rules[range.first];
    return first != NULL && first->model[0] == '\0' ? &first->limits : NULL;
}

bool bounds_limits(const struct key_actor *actor, const struct scope_limits *limits,
                   struct error *error)
{
    const struct scope_limits *own = actor->administrator == NULL ? NULL : own_limits(actor);
    if (own == NULL) {
        return true;
    }
    for (size_t i = 0; i < own->cap_count; i++) {
        if (!own->caps[i].soft && !cap_is_kept(&own->caps[i], limits)) {
            return exceeds(error, "a hard cap within its own is needed");
        }
    }
    if (!within(own->requests_per_minute, limits->requests_per_minute)) {
        return exceeds(error, "requests per minute");
    }
    if (!within(own->tokens_per_minute, limits->tokens_per_minute)) {
        return exceeds(error, "tokens per minute");
    }
    if (!within(own->parallel, limits->parallel)) {
        return exceeds(error, "parallel requests");
    }
    return within(own->max_request_nd, limits->max_request_nd) ||
           exceeds(error, "the most that one request may cost");
}

/* --- grants and expiry -------------------------------------------------------------------------
 */

/* A name with a star gives all that begins so: the same, or a wider one, must be its own. */
static bool owns(const struct key_actor *actor, const struct grant *grant)
{
    return key_may_use(actor->set, actor->administrator, grant->kind, slice_from_cstr(grant->text));
}

static bool lists(const struct key_actor *actor, enum grant_kind kind)
{
    return key_grants_any(actor->set, actor->administrator, kind);
}

/* Who lists routes and nothing else asks for no target by its name; a list of targets or models
 * beside the routes would open that. */
static bool names_targets(const struct key_actor *actor, const bool listed[GRANT_KINDS])
{
    return (listed[GRANT_TARGET] || listed[GRANT_MODEL]) && lists(actor, GRANT_ROUTE) &&
           !lists(actor, GRANT_TARGET) && !lists(actor, GRANT_MODEL);
}

bool bounds_grants(const struct key_actor *actor, const struct grant *grants, size_t count,
                   struct error *error)
{
    bool listed[GRANT_KINDS] = {false};
    for (size_t i = 0; actor->administrator != NULL && i < count; i++) {
        listed[grants[i].kind] = true;
        if (grants[i].kind != GRANT_TAG && !owns(actor, &grants[i])) {
            return exceeds(error, grant_kind_name(grants[i].kind));
        }
    }
    for (enum grant_kind kind = GRANT_ROUTE; kind < GRANT_TAG; kind++) {
        if (actor->administrator != NULL && !listed[kind] && lists(actor, kind)) {
            return exceeds(error, grant_kind_name(kind));
        }
    }
    return actor->administrator == NULL || !names_targets(actor, listed) ||
           exceeds(error, "its own routes only, and no target by name");
}

bool bounds_expiry(const struct key_actor *actor, int64_t expires_s, struct error *error)
{
    int64_t own = actor->administrator == NULL ? 0 : actor->administrator->expires_s;
    return own == 0 || (expires_s != 0 && expires_s <= own) ||
           exceeds(error, "it must end no later than the administrator's own credential");
}
