/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage objects, sound and absurd.
 */
#include "sim/openai.h"

#define COST_SCALE 6

void sim_usage_count(const struct sim_answer *answer, struct json_writer *w, struct slice key,
                     uint64_t count)
{
    char text[24];
    struct buf out = {text, 0, sizeof(text), sizeof(text), false};

    if (sim_is(answer->behaviours, SIM_USAGE_NEGATIVE)) {
        json_member_int(w, key, -(int64_t)count - 1);
    } else if (sim_is(answer->behaviours, SIM_USAGE_HUGE)) {
        json_member_raw(w, key, SLICE("36893488147419103232"));
    } else if (sim_is(answer->behaviours, SIM_USAGE_STRING)) {
        buf_append_u64(&out, count);
        json_member_string(w, key, buf_slice(&out));
    } else {
        json_member_int(w, key, (int64_t)count);
    }
}

static uint64_t cached_tokens(const struct sim_answer *answer, enum sim_behaviour which)
{
    uint64_t cached = sim_number(answer->behaviours, which, 0);

    return cached < answer->prompt_tokens ? cached : answer->prompt_tokens;
}

void sim_openai_usage(const struct sim_answer *answer, uint64_t completion, struct json_writer *w)
{
    uint64_t hits = cached_tokens(answer, SIM_USAGE_CACHE_HIT);

    json_begin_object(w);
    sim_usage_count(answer, w, SLICE("prompt_tokens"), answer->prompt_tokens);
    sim_usage_count(answer, w, SLICE("completion_tokens"), completion);
    sim_usage_count(answer, w, SLICE("total_tokens"), answer->prompt_tokens + completion);
    if (sim_is(answer->behaviours, SIM_USAGE_CACHED)) {
        json_key(w, SLICE("prompt_tokens_details"));
        json_begin_object(w);
        sim_usage_count(answer, w, SLICE("cached_tokens"), cached_tokens(answer, SIM_USAGE_CACHED));
        json_end_object(w);
    }
    if (answer->thought_tokens > 0) {
        json_key(w, SLICE("completion_tokens_details"));
        json_begin_object(w);
        sim_usage_count(answer, w, SLICE("reasoning_tokens"), answer->thought_tokens);
        json_end_object(w);
    }
    if (sim_is(answer->behaviours, SIM_USAGE_CACHE_HIT)) {
        sim_usage_count(answer, w, SLICE("prompt_cache_hit_tokens"), hits);
        sim_usage_count(answer, w, SLICE("prompt_cache_miss_tokens"), answer->prompt_tokens - hits);
    }
    if (sim_is(answer->behaviours, SIM_USAGE_COST)) {
        json_member_scaled(w, SLICE("cost"), answer->behaviours->number[SIM_USAGE_COST],
                           COST_SCALE);
    }
    json_end_object(w);
}
