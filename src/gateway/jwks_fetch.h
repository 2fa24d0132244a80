/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public keys of the identity provider, where they are published at a URL: fetched and renewed
 * by the main thread with an upstream client of its own. Keys that came once stay in force until
 * others come; while fetching fails it is tried again, ever less often. A token of a key that is
 * not known makes it ask at once, but not more often than every few seconds. Redirects are not
 * followed.
 */
#ifndef SLUICE_GATEWAY_JWKS_FETCH_H
#define SLUICE_GATEWAY_JWKS_FETCH_H

#include "config/snapshot.h"
#include "net/loop.h"

struct gateway;
struct jwks_fetch;

/* `publish` gets each new set, and its reference; NULL: those of before are not to be used any
 * more. NULL: *error. */
MUST_USE struct jwks_fetch *jwks_fetch_new(struct net_loop *loop,
                                           void (*publish)(void *user, struct jwks *keys),
                                           void *user, struct error *error);
/* This snapshot says where the keys are, from now on (or that there is no such place). Keeps a
 * reference. */
void jwks_fetch_watch(struct jwks_fetch *fetch, struct snapshot *snapshot);
/* A key is not known: asks again soon. */
void jwks_fetch_hurry(struct jwks_fetch *fetch);
/* Ends what is under way; free it when the loop has run out. NULL-safe, both. */
void jwks_fetch_close(struct jwks_fetch *fetch);
void jwks_fetch_free(struct jwks_fetch *fetch);

/* From any thread: jwks_fetch_hurry() on the main one. */
void jwks_fetch_want(struct gateway *gateway);

#endif
