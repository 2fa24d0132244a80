/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a simulated model answers, before any dialect: for each choice its thoughts, text, tool
 * calls and why it stopped; and the counts. A function of the request, its behaviours and the seed.
 */
#ifndef SLUICE_SIM_ANSWER_H
#define SLUICE_SIM_ANSWER_H

#include "sim/ask.h"
#include "sim/behaviour.h"
#include "sim/text.h"

#define SIM_CALLS_MAX 16

enum sim_finish {
    SIM_FINISH_STOP,
    SIM_FINISH_LENGTH,
    SIM_FINISH_TOOLS,
    SIM_FINISH_FILTER,
};

struct sim_call {
    char id[32]; /* "call_" and 16 hexadecimal digits, or empty */
    struct buf name;
    struct buf arguments; /* JSON, unless a behaviour spoils it; text of a custom tool */
    bool custom;
};

struct sim_choice {
    struct sim_text thoughts;
    struct sim_text text;
    struct sim_call calls[SIM_CALLS_MAX];
    size_t call_count;
    struct slice stopped_by; /* the stop sequence that ended the text, or empty */
    enum sim_finish finish;
};

struct sim_answer {
    const struct sim_ask *ask;
    const struct sim_behaviours *behaviours;
    struct slice model; /* as the answer names it */
    struct sim_choice choices[SIM_CHOICES_MAX];
    unsigned choice_count;
    uint64_t id; /* the answer's, from the request's hash */
    uint64_t prompt_tokens;
    uint64_t completion_tokens; /* thoughts included */
    uint64_t thought_tokens;
    bool failed; /* out of memory */
};

/* `tokens`: the text's usual length, 0: by the request. To be released in any case. */
void sim_answer_make(struct sim_answer *answer, const struct sim_ask *ask,
                     const struct sim_behaviours *behaviours, uint64_t seed, uint32_t tokens);
void sim_answer_release(struct sim_answer *answer);

#endif
