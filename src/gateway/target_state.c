/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/target_state.h"

#include "base/memory.h"

void target_states_init(struct target_states *states)
{
    pthread_mutex_init(&states->lock, NULL);
    map_init(&states->by_name);
}

void target_states_release(struct target_states *states)
{
    size_t cursor = 0;
    struct map_entry *entry;
    while ((entry = map_next(&states->by_name, &cursor)) != NULL) {
        memory_free(entry->value);
    }
    map_release(&states->by_name);
    pthread_mutex_destroy(&states->lock);
}

static struct target_state *state_of_name(struct target_states *states, struct slice name)
{
    struct target_state *state = map_get(&states->by_name, name);
    if (state != NULL) {
        return state;
    }
    state = memory_array(1, sizeof(*state));
    if (state == NULL) {
        return NULL;
    }
    health_init(&state->health);
    if (!map_set(&states->by_name, name, state)) {
        memory_free(state);
        return NULL;
    }
    return state;
}

bool target_states_attach(struct target_states *states, struct snapshot *snapshot)
{
    bool ok = true;
    pthread_mutex_lock(&states->lock);
    for (size_t i = 0; i < snapshot->policy.target_count && ok; i++) {
        struct target *target = &snapshot->policy.targets[i];
        struct target_state *state = state_of_name(states, target->name);
        ok = state != NULL;
        target->health = ok ? &state->health : NULL;
    }
    pthread_mutex_unlock(&states->lock);
    return ok;
}
