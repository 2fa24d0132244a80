/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A provider without its network: from a request to the script of its answer. Deterministic but
 * for the flap counters. One thread.
 */
#ifndef SLUICE_SIM_PROVIDER_H
#define SLUICE_SIM_PROVIDER_H

#include "codec/json.h"
#include "sim/google.h"
#include "sim/memory.h"
#include "sim/prompts.h"
#include "sim/request.h"
#include "sim/script.h"
#include "sim/sim.h"

#define SIM_FLAPS_MAX 256
#define SIM_MODEL_MAX 128

struct sim_flap {
    uint64_t key;
    uint32_t seen;
};

struct sim_rule {
    struct slice model; /* a '*' at its end matches the rest */
    struct sim_behaviours behaviours;
    struct sim_rule *next;
};

struct sim_provider {
    const struct sim_profile *profile;
    const struct sim_rule *rules;
    const struct clock *clock;
    uint64_t seed;
    uint32_t time_divisor; /* at least 1 */
    struct sim_behaviours standing;
    struct sim_flap flaps[SIM_FLAPS_MAX];
    size_t flap_count;
    struct json_doc doc;    /* kept for its memory */
    struct json_doc schema; /* the same: a schema that came as a text */
    struct sim_memory memory;
    struct sim_prompts prompts;
    struct sim_google google;
};

struct sim_outcome {
    struct sim_script *script; /* one reference; NULL: out of memory */
    char model[SIM_MODEL_MAX]; /* asked for, cut to size; empty: none */
};

/* `standing`: the chain of the profile. False: it is none. */
MUST_USE bool sim_provider_init(struct sim_provider *provider, const struct sim_profile *profile,
                                const struct sim_options *options, const struct sim_rule *rules);
void sim_provider_release(struct sim_provider *provider);
void sim_provider_forget(struct sim_provider *provider);
void sim_provider_answer(struct sim_provider *provider, const struct sim_request *request,
                         struct slice body, struct sim_outcome *ret_outcome);
/* A refusal outside of any behaviour, in OpenAI's words: for requests that are no HTTP. */
MUST_USE struct sim_script *sim_provider_refuse(int status, struct slice code, struct slice text);

#endif
