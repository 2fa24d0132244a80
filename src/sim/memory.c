/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/memory.h"

#include "base/hash.h"

void sim_memory_keep(struct sim_memory *memory, const struct sim_answer *answer)
{
    const struct sim_ask *ask = answer->ask;
    const struct sim_choice *choice = &answer->choices[0];
    struct sim_kept *kept = NULL;

    for (size_t i = 0; i < SIM_KEPT_MAX && kept == NULL; i++) {
        kept = memory->kept[i].id == answer->id ? &memory->kept[i] : NULL;
    }
    if (kept == NULL) {
        kept = &memory->kept[memory->count++ % SIM_KEPT_MAX];
    }
    *kept = (struct sim_kept){.id = answer->id,
                              .prompt_tokens = ask->prompt_tokens + answer->completion_tokens,
                              .call_count = choice->call_count,
                              .results = ask->results};
    for (size_t i = 0; i < choice->call_count; i++) {
        kept->calls[i] = hash_stable(slice_from_cstr(choice->calls[i].id));
    }
    if (ask->script.len < sizeof(kept->script)) {
        kept->script_len = ask->script.len;
        slice_to_cstr(ask->script, kept->script, sizeof(kept->script));
    }
}

const struct sim_kept *sim_memory_find(const struct sim_memory *memory, uint64_t id)
{
    for (size_t i = 0; memory != NULL && id != 0 && i < SIM_KEPT_MAX; i++) {
        if (memory->kept[i].id == id) {
            return &memory->kept[i];
        }
    }
    return NULL;
}
