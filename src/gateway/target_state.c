/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/target_state.h"

#include "base/log.h"
#include "base/memory.h"

void target_states_init(struct target_states *states)
{
    pthread_mutex_init(&states->lock, NULL);
    map_init(&states->by_name);
    states->evidence = evidence_new();
    states->tokenizers = tokenizers_new();
}

void target_states_release(struct target_states *states)
{
    size_t cursor = 0;
    struct map_entry *entry;
    while ((entry = map_next(&states->by_name, &cursor)) != NULL) {
        memory_free(entry->value);
    }
    map_release(&states->by_name);
    evidence_free(states->evidence);
    tokenizers_free(states->tokenizers);
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
    experience_init(&state->experience);
    if (!map_set(&states->by_name, name, state)) {
        memory_free(state);
        return NULL;
    }
    return state;
}

bool target_states_attach(struct target_states *states, struct snapshot *snapshot)
{
    bool ok = states->evidence != NULL;
    snapshot->policy.evidence = states->evidence;
    snapshot->policy.tokenizers = states->tokenizers;
    for (size_t i = 0; i < snapshot->policy.route_count; i++) {
        struct route *route = &snapshot->policy.routes[i];
        route->evidence = evidence_route(route->name);
    }
    pthread_mutex_lock(&states->lock);
    for (size_t i = 0; i < snapshot->policy.target_count && ok; i++) {
        struct target *target = &snapshot->policy.targets[i];
        struct target_state *state = state_of_name(states, target->name);
        ok = state != NULL;
        target->health = ok ? &state->health : NULL;
        if (ok) {
            health_forget_lacks(&state->health); /* the servers may have been asked anew */
        }
        target->name_hash = evidence_name(target->name);
        target->experience = ok ? &state->experience : NULL;
    }
    pthread_mutex_unlock(&states->lock);
    return ok;
}

/* Is `part` more than so many thousandths of `whole`? Both are sums of amounts >= 0. */
static bool is_beyond(int64_t part, int64_t whole, int64_t permille)
{
    __extension__ typedef __int128 wide;
    return (wide)part * 1000 > (wide)whole * permille;
}

static void say_drift(const struct target *target, int64_t told_nd, int64_t catalogue_nd)
{
    char told[MONEY_TEXT_MAX];
    char catalogue[MONEY_TEXT_MAX];
    size_t told_len = money_put(told_nd, told);
    size_t catalogue_len = money_put(catalogue_nd, catalogue);
    log_event(LOG_WARN, "price_drift",
              "target %.*s: its provider says that it charged $%.*s for what costs $%.*s at the "
              "target's price; its word counts, but plans reckon with the price",
              SLICE_ARG(target->name), (int)told_len, told, (int)catalogue_len, catalogue);
}

void target_state_told(const struct snapshot *snapshot, const struct target *target,
                       int64_t told_nd, int64_t catalogue_nd)
{
    struct target_state *state = target_state_of(target);
    uint64_t count = atomic_fetch_add(&state->told, 1) + 1;
    int64_t told = atomic_fetch_add(&state->told_nd, told_nd) + told_nd;
    int64_t catalogue = atomic_fetch_add(&state->catalogue_nd, catalogue_nd) + catalogue_nd;
    int64_t drift = told > catalogue ? told - catalogue : catalogue - told;
    if (count >= DRIFT_ATTEMPTS_LEAST &&
        is_beyond(drift, catalogue, snapshot->price_drift_permille) &&
        !atomic_exchange(&state->drift_said, true)) {
        say_drift(target, told, catalogue);
    }
}

void target_state_priced(const struct target *target, const struct usage *usage)
{
    bool spoke = usage->audio_output > 0 && !target->speaks;
    bool drew = usage->image_output > 0 && !target->draws;
    if ((!spoke && !drew) || !target->price.known ||
        atomic_exchange(&target_state_of(target)->media_said, true)) {
        return;
    }
    log_event(LOG_WARN, "media_unpriced",
              "target %.*s made %s, and its price has no rate for that: give price.%s (until then "
              "prices.unknown decides)",
              SLICE_ARG(target->name), spoke ? "audio" : "images",
              spoke ? "audio_output_per_mtok" : "image_output_per_mtok");
}

void target_state_lacks(const struct target *target, capability_set lacks, int64_t now_ns)
{
    struct buf names = BUF_INIT(512);
    capability_set new = lacks & ~health_lacks(target->health, now_ns);
    health_note_lack(target->health, lacks, now_ns);
    for (int bit = 0; bit < CAPABILITY_COUNT; bit++) {
        if ((new >> bit & 1u) != 0) {
            buf_printf(&names, "%s%s", names.len == 0 ? "" : ", ",
                       capability_name((enum capability_bit)bit));
        }
    }
    if (new != 0) {
        log_event(LOG_WARN, "capability_refused",
                  "target %.*s: its provider says that it has no %.*s: for %d minutes, or until "
                  "the configuration is read again, it is not asked for that (its capabilities can "
                  "be listed in the configuration)",
                  SLICE_ARG(target->name), SLICE_ARG(buf_slice(&names)),
                  (int)(HEALTH_LACKS_NS / NS_PER_S / 60));
    }
    buf_release(&names);
}
