/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A provider's cache of prompts, as OpenAI and others describe theirs: the beginning of a prompt up
 * to the end of some message, for some time after its last use, in whole pieces and not if it is
 * short. What was cached is told in the usage (behaviour prompt-cache).
 */
#ifndef SLUICE_SIM_PROMPTS_H
#define SLUICE_SIM_PROMPTS_H

#include "sim/ask.h"

#define SIM_PROMPTS_MAX 8192
#define SIM_PROMPTS_LEAST 1024 /* tokens */
#define SIM_PROMPTS_PIECE 128

struct sim_prompt {
    uint64_t hash; /* of a beginning; 0: free */
    int64_t until_ns;
};

struct sim_prompts {
    struct sim_prompt slots[SIM_PROMPTS_MAX];
};

/* How many tokens of the prompt were cached; all of its beginnings are from now on. */
uint64_t sim_prompts_use(struct sim_prompts *prompts, const struct sim_ask *ask, int64_t now_ns,
                         int64_t life_ns);

#endif
