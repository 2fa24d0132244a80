/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a model server listening on loopback, and which models does it list? One small HTTP/1.0 GET
 * per address, all addresses at once, under one deadline: the start of the program waits for it.
 * Blocks; never leaves loopback.
 */
#ifndef SLUICE_CLI_PROBE_H
#define SLUICE_CLI_PROBE_H

#include "base/arena.h"
#include "base/clock.h"

#define PROBE_MODELS_MAX 64         /* of one server; the rest is left out */
#define PROBE_MODEL_BYTES_MAX 160   /* a longer name is no model's */
#define PROBE_ANSWER_MAX (1u << 20) /* ceiling of what a server may answer */
#define PROBES_MAX 16

struct probe {
    uint16_t port;
    struct slice path;    /* "/api/tags" */
    const char *host;     /* "127.0.0.1", "127.0.0.2", "::1"; NULL: 127.0.0.1 and ::1 */
    bool found;           /* out: a list of at least one model came */
    const char *origin;   /* out: "127.0.0.1:11434" or "[::1]:11434", in the arena */
    struct slice *models; /* out: in the arena */
    size_t model_count;
};

/* Asks all of them, at most for `timeout_ms` together. */
void probe_run(struct probe *probes, size_t count, const struct clock *clock, int64_t timeout_ms,
               struct arena *arena);

/* The models of an answer's body: OpenAI's {"data": [{"id": ...}]} or Ollama's {"models": [{"name":
   ...}]}. Names with characters that no model name has, and models that cannot chat by their name
   (embeddings, rerankers), are left out. Returns how many were written to `models`
   (PROBE_MODELS_MAX at most). */
size_t probe_read_models(struct slice body, struct arena *arena, struct slice *models);

#endif
