/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a model server listening on loopback, which models does it list, and what does it say of them?
 * One small HTTP/1.0 GET per address, all addresses at once, then what is asked of each model, all
 * at once too, under one deadline: the start of the program waits for it. What has not come by then
 * is not told. Blocks; never leaves loopback.
 */
#ifndef SLUICE_CLI_PROBE_H
#define SLUICE_CLI_PROBE_H

#include "base/arena.h"
#include "base/clock.h"
#include "config/known_model.h"
#include "provider/provider.h"

#define PROBE_MODELS_MAX 64         /* of one server; the rest is left out */
#define PROBE_MODEL_BYTES_MAX 160   /* a longer name is no model's */
#define PROBE_ANSWER_MAX (1u << 20) /* ceiling of what a server may answer */
#define PROBES_MAX 16

struct probe {
    uint16_t port;
    struct slice path;          /* "/api/tags" */
    const char *host;           /* "127.0.0.1", "127.0.0.2", "::1"; NULL: 127.0.0.1 and ::1 */
    enum provider_facts facts;  /* what it is asked of the models beside the list */
    bool found;                 /* out: a list of at least one model came */
    const char *origin;         /* out: "127.0.0.1:11434" or "[::1]:11434", in the arena */
    struct known_model *models; /* out: in the arena. In: at most PROBE_MODELS_MAX that
                                   FACTS_OLLAMA_SHOW asks about, and no list is asked for */
    size_t model_count;
    size_t listed; /* out: how many there are, those that were left out too */
};

/* Asks all of them, at most for `timeout_ms` together. */
void probe_run(struct probe *probes, size_t count, const struct clock *clock, int64_t timeout_ms,
               struct arena *arena);

#endif
