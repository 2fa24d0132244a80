/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/prompts.h"

/* One place for each hash: what collides is forgotten early, as in the real ones. */
static struct sim_prompt *slot_of(struct sim_prompts *prompts, uint64_t hash)
{
    return &prompts->slots[hash >> 32 & (SIM_PROMPTS_MAX - 1)];
}

uint64_t sim_prompts_use(struct sim_prompts *prompts, const struct sim_ask *ask, int64_t now_ns,
                         int64_t life_ns)
{
    uint64_t cached = 0;
    for (size_t i = 0; i < ask->beginning_count; i++) {
        const struct sim_beginning *beginning = &ask->beginnings[i];
        struct sim_prompt *slot = slot_of(prompts, beginning->hash);
        if (slot->hash == beginning->hash && slot->until_ns > now_ns) {
            cached = beginning->tokens;
        }
        *slot = (struct sim_prompt){.hash = beginning->hash, .until_ns = now_ns + life_ns};
    }
    cached -= cached % SIM_PROMPTS_PIECE;
    return cached < SIM_PROMPTS_LEAST ? 0 : cached;
}
