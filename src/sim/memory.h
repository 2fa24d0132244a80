/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversations that a simulated provider keeps for OpenAI's `previous_response_id`: the last
 * SIM_KEPT_MAX answers, with the calls that wait for results and the script that goes on.
 */
#ifndef SLUICE_SIM_MEMORY_H
#define SLUICE_SIM_MEMORY_H

#include "sim/answer.h"

#define SIM_KEPT_MAX 64
#define SIM_KEPT_SCRIPT 1024

struct sim_kept {
    uint64_t id; /* the answer's; 0: free */
    uint64_t prompt_tokens;
    uint64_t calls[SIM_CALLS_MAX]; /* hashes of their ids */
    size_t call_count;
    char script[SIM_KEPT_SCRIPT]; /* empty: none, or too long */
    size_t script_len;
    size_t results;
};

struct sim_memory {
    struct sim_kept kept[SIM_KEPT_MAX];
    size_t count; /* of answers ever kept */
};

void sim_memory_keep(struct sim_memory *memory, const struct sim_answer *answer);
/* NULL: not kept, or not any more. */
const struct sim_kept *sim_memory_find(const struct sim_memory *memory, uint64_t id);

#endif
