/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an administrator may give: nothing that it does not have itself. Its own row of limits
 * (without a model), its grants, its end and its scopes are the bounds. Pure; "exceeds_creator".
 */
#ifndef SLUICE_STORE_KEY_BOUNDS_H
#define SLUICE_STORE_KEY_BOUNDS_H

#include "store/key_change.h"

/* Is a key, or a user or team, with these scopes any of its business? [SCOPE_KEY] is not looked at.
 */
bool bounds_reach(const struct key_actor *actor, const uint64_t scopes[SCOPE_KINDS]);
/* A cap is within another's if it is hard, not larger, and of the same period (and window) or for
 * ever. */
MUST_USE bool bounds_limits(const struct key_actor *actor, const struct scope_limits *limits,
                            struct error *error);
MUST_USE bool bounds_grants(const struct key_actor *actor, const struct grant *grants, size_t count,
                            struct error *error);
MUST_USE bool bounds_expiry(const struct key_actor *actor, int64_t expires_s, struct error *error);

#endif
