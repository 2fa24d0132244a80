/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live state of targets by name: survives reloads, is shared by all workers, never freed while the
 * gateway runs. The table grows under a lock at reload; readers hold pointers.
 */
#ifndef SLUICE_GATEWAY_TARGET_STATE_H
#define SLUICE_GATEWAY_TARGET_STATE_H

#include "base/map.h"
#include "config/snapshot.h"
#include "model/tokenizers.h"
#include "route/evidence.h"
#include "route/experience.h"
#include "route/health.h"
#include "store/record.h"

#include <pthread.h>

struct target_state {
    struct target_health health; /* first: a target's health pointer is its state */
    struct experience experience;
    atomic_uint_fast64_t outcomes[ATTEMPT_OUTCOMES];
    atomic_uint_fast64_t rate_limited; /* 429 and 529 */
    /* Of attempts whose charge the provider told, where the target has a price as well. */
    atomic_uint_fast64_t told;
    atomic_int_fast64_t told_nd;
    atomic_int_fast64_t catalogue_nd; /* the same usage at that price */
    atomic_bool drift_said;
    atomic_bool media_said;
};

struct target_states {
    pthread_mutex_t lock;
    struct map by_name;
    struct evidence *evidence;     /* of all of them */
    struct tokenizers *tokenizers; /* likewise */
};

void target_states_init(struct target_states *states);
void target_states_release(struct target_states *states);
/* Points each target's health and experience at its state, creating what is new, and the policy at
 * the evidence and the tokenizers. False: out of memory. */
MUST_USE bool target_states_attach(struct target_states *states, struct snapshot *snapshot);

/* An attempt was charged `told_nd` by its provider's word; the price says `catalogue_nd`. Warns
 * once when all such attempts together differ by more than the share of the snapshot; a few
 * attempts, of which a rounding may be a large part, say nothing yet. Any thread. */
#define DRIFT_ATTEMPTS_LEAST 10
void target_state_told(const struct snapshot *snapshot, const struct target *target,
                       int64_t told_nd, int64_t catalogue_nd);

/* An attempt was charged by the target's price. Warns once if it made sound or images and the
 * target has no rate for them, so that the ceiling (or, as configured, text) was charged. */
void target_state_priced(const struct target *target, const struct usage *usage);

/* Its provider said that the target cannot do this: no plan asks it for that for a while, or until
 * the configuration is read again (route/health.h). Says so once. Any thread. */
void target_state_lacks(const struct target *target, capability_set lacks, int64_t now_ns);

static inline struct target_state *target_state_of(const struct target *target)
{
    return (struct target_state *)(void *)target->health;
}

#endif
