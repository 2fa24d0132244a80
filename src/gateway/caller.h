/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks, and what it may ask for. A name that a key may not use is one that does not exist: it
 * is in no list, and asking for it is the same 404 as for a name that nobody has; a target that it
 * may not use is in no plan and no explanation. Pure. What is returned lives as long as the set of
 * keys.
 */
#ifndef SLUICE_GATEWAY_CALLER_H
#define SLUICE_GATEWAY_CALLER_H

#include "gateway/tokens.h"
#include "net/http.h"
#include "route/policy.h"
#include "store/keys.h"

struct caller {
    const struct key_set *keys;
    const struct key *key; /* NULL: nobody in particular, who may use everything, but for: */
    struct token *token;   /* that came in place of a secret, and what it says; NULL: none */
};

struct caller_refusal {
    int status;
    const char *code; /* stable */
    const char *text;
    const struct key *key; /* whose secret it was; NULL: nobody's */
    bool silent;           /* no secret was given: nothing to record */
};

/*
 * Whether the request's secret opens anything. 401 "invalid_api_key" (unknown, or none where one is
 * required), "key_revoked", "key_rotated", "key_expired"; 403 "key_blocked", "key_damaged"
 * (keys.h), "admin_key" (an administrator calls no models), "origin_not_allowed". Where keys are
 * optional an unknown one is nobody's, since SDKs insist on sending something; one that is known
 * and out of force is refused there, too.
 */
MUST_USE bool caller_admit(const struct key_set *keys, bool required,
                           const struct http_request *request, struct slice secret, int64_t wall_s,
                           struct caller *ret_caller, struct caller_refusal *ret_refusal);

/* Whether this key, found by other means, opens for the request; *caller gets it then. Codes as
 * above. */
MUST_USE bool caller_admit_key(const struct key *key, const struct http_request *request,
                               int64_t wall_s, struct caller *caller,
                               struct caller_refusal *ret_refusal);

/* The same where administrators' keys administer: *ret_caller is the administrator's. 403
 * "client_key" for a client's. */
MUST_USE bool caller_admit_admin(const struct key_set *keys, struct slice secret, int64_t wall_s,
                                 struct caller *ret_caller, struct caller_refusal *ret_refusal);
/* Does it belong to a user, team or organisation, so that it sees a part only? */
bool caller_is_scoped(const struct caller *caller);

/* May it ask for this route by this name? */
bool caller_may_ask_route(const struct caller *caller, struct slice asked);
/* May it ask for this target by this name (its own, or provider/model)? A key that lists routes
 * asks for targets only where it lists them, as targets or as models. */
bool caller_may_ask_target(const struct caller *caller, struct slice asked,
                           const struct target *target);
bool caller_may_use_target(const struct caller *caller, const struct target *target);

/* The first tag of its key, cut to TAG_BYTES_MAX; or empty. */
struct slice caller_tag(const struct caller *caller);

#endif
