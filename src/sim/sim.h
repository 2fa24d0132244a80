/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated fleet of model providers: each server of it has a port of its own on loopback, speaks
 * the dialects of dialect.h (OpenAI Chat, Completions, Embeddings and Responses; Anthropic
 * Messages; Gemini; Ollama; Amazon Bedrock; Vertex AI), answers made-up text deterministically (the
 * same request gets the same bytes), misbehaves when told so (behaviour.h), follows scripts of tool
 * calls (ask.h) and records what it received. All servers run on one thread with its own loop.
 *
 * Beside the provider's paths each server has its own:
 *   GET    /sim/requests[?from=N]   what was received, newest last (bounded; see record.h)
 *   GET    /sim/requests/N/body     the bytes of the body of request number N
 *   DELETE /sim/requests            forgets requests, counters and flap states
 *   GET    /sim/stats               counters
 *   GET    /sim/wait?requests=N&answered=N&aborted=N&cut=N&connections=N&closed=N&timeout_ms=M
 *                                   answers when all counters have been reached (408: not in time)
 *   GET    /sim/behaviours          the table
 *   GET    /sim/service-account     a key file whose assertions its POST /token takes (google.h)
 *   PUT    /sim/behaviour           the body is a chain that holds for all requests from now on
 *
 * Not for the open network: it believes what it is told and guards nothing.
 */
#ifndef SLUICE_SIM_SIM_H
#define SLUICE_SIM_SIM_H

#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"

#include <openssl/ssl.h>

#define SIM_SERVERS_MAX 64

enum sim_dialects {
    SIM_DIALECT_OPENAI = 1,
    SIM_DIALECT_OLLAMA = 2,
    SIM_DIALECT_ANTHROPIC = 4,
    SIM_DIALECT_GEMINI = 8,
    SIM_DIALECT_RESPONSES = 16,
    SIM_DIALECT_BEDROCK = 32,
    SIM_DIALECT_VERTEX = 64,
};

/* The flag of a dialect by its name; 0: there is none. */
unsigned sim_dialect_flag(const char *name);

/* One server. Zeroed is a sound default. Texts are borrowed while the fleet runs. */
struct sim_profile {
    const char *name;           /* for /sim/stats */
    const char *address;        /* "127.0.0.1:0" when NULL; port 0: any */
    const char *models;         /* for the lists, separated by commas */
    const char *behaviours;     /* a chain in force for all requests, or NULL */
    const char *api_key;        /* demanded as Bearer or x-api-key, or NULL */
    SSL_CTX *tls;               /* NULL: plain; not owned */
    unsigned dialects;          /* flags; 0: all */
    uint32_t latency_ms;        /* before the first byte */
    uint32_t tokens_per_second; /* 0: as fast as possible */
    uint32_t answer_tokens;     /* length of a text that nothing else limits; 0: varies */
    /* The fast mode, for benchmarks: each POST gets one precomputed answer without being read or
     * recorded (streams where "stream":true stands in the body). */
    bool fast;
    size_t fast_body_bytes; /* of the whole answer's body; 0: 1024 */
    uint32_t fast_events;   /* of a stream, its last mark not counted; 0: 100 */
    uint32_t fast_event_ms; /* between them */
};

struct sim_options {
    const struct clock *clock; /* NULL: the system's */
    const struct sim_profile *profiles;
    size_t count;
    /* Lines `MODEL CHAIN`: behaviours by model (a '*' at the end of MODEL matches the rest; '#'
     * begins a comment). Empty: none. Borrowed during the start only. */
    struct slice rules;
    uint64_t seed;          /* of texts and ids */
    uint32_t time_divisor;  /* latencies and paces are divided by it; 0: 1 */
    size_t record_requests; /* kept of each server; 0: 1,000 */
    size_t record_bytes;    /* kept of each server; 0: 16 MB */
};

struct sim;

/* Listens, then starts the thread. NULL: *error. */
MUST_USE struct sim *sim_start(const struct sim_options *options, struct error *error);
/* The port of server `index`, from the moment that sim_start() returns. */
uint16_t sim_port(const struct sim *sim, size_t index);
/* Cuts all connections, ends the thread, frees. NULL-safe. Any thread, once. */
void sim_stop(struct sim *sim);

#endif
