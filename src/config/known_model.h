/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server of one's own said of its models when it was asked at the start. The configuration
 * takes it where it says nothing itself: capabilities and windows of targets, and the targets of a
 * server where no section says which. Who asks is cli/probe.h; this layer opens no connection.
 */
#ifndef SLUICE_CONFIG_KNOWN_MODEL_H
#define SLUICE_CONFIG_KNOWN_MODEL_H

#include "base/slice.h"
#include "model/capability.h"

struct known_model {
    struct slice provider; /* name in the configuration */
    struct slice model;
    capability_set capabilities; /* 0: not told */
    int64_t context_tokens;      /* 0: not told */
    bool listed; /* by the server; else it was only asked about, because the file names it */
};

struct known_models {
    const struct known_model *items;
    size_t count;
};

/* Is it the same to the server? Ollama's "llama2" is its "llama2:latest". */
static inline bool known_model_is(const struct known_model *known, struct slice model)
{
    static const struct slice latest = SLICE_INIT(":latest");
    struct slice name = known->model;
    if (slice_eq(name, model)) {
        return true;
    }
    return slice_ends(name, latest) && slice_eq(slice_of(name.ptr, name.len - latest.len), model);
}

#endif
