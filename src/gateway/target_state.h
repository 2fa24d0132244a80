/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live state of targets by name: survives reloads, is shared by all workers, never freed while the
 * gateway runs. The table grows under a lock at reload; readers hold pointers.
 */
#ifndef SLUICE_GATEWAY_TARGET_STATE_H
#define SLUICE_GATEWAY_TARGET_STATE_H

#include "base/map.h"
#include "config/snapshot.h"
#include "route/health.h"
#include "store/record.h"

#include <pthread.h>

struct target_state {
    struct target_health health; /* first: a target's health pointer is its state */
    atomic_uint_fast64_t outcomes[ATTEMPT_OUTCOMES];
    atomic_uint_fast64_t rate_limited; /* 429 and 529 */
};

struct target_states {
    pthread_mutex_t lock;
    struct map by_name;
};

void target_states_init(struct target_states *states);
void target_states_release(struct target_states *states);
/* Points each target's health at its state, creating what is new. False: out of memory. */
MUST_USE bool target_states_attach(struct target_states *states, struct snapshot *snapshot);

static inline struct target_state *target_state_of(const struct target *target)
{
    return (struct target_state *)(void *)target->health;
}

#endif
