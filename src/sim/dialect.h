/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialects that a simulated provider speaks: one row each, whose endpoints name the functions
 * that read a request and write its answer. Everything of a dialect is in files with its name.
 */
#ifndef SLUICE_SIM_DIALECT_H
#define SLUICE_SIM_DIALECT_H

#include "sim/answer.h"
#include "sim/google.h"
#include "sim/reply.h"
#include "sim/sim.h"

/* What a refusal says, in any dialect. */
struct sim_refusal {
    int status;
    struct slice type; /* OpenAI's; the others go by the status */
    struct slice code; /* empty: null */
    struct slice text;
};

/* What a request is let in by. */
struct sim_access {
    const struct sim_profile *profile;
    const struct sim_request *request;
    struct slice body;
    const struct sim_google *google;
    int64_t now_s; /* unix seconds */
};

struct sim_endpoint {
    struct slice method;
    struct slice path; /* without its base; a '*' stands for the model, percent-decoded */
    enum sim_operation operation;
    /* Reads the body's members into the ask. NULL: the endpoint has no body to read. */
    bool (*read)(struct sim_reading *r);
    void (*write)(const struct sim_answer *answer, struct sim_reply *reply);
    /* Instead of both; `models`: names separated by commas, `name`: from the path, or empty. */
    void (*list)(struct slice models, struct slice name, struct sim_reply *reply);
};

struct sim_dialect {
    struct slice name;
    unsigned flag;          /* of enum sim_dialects */
    struct slice mark;      /* a header that requests of this dialect have, or empty */
    const char *request_id; /* the header of an answer's id */
    const struct sim_endpoint *endpoints;
    size_t endpoint_count;
    void (*refuse)(const struct sim_refusal *refusal, struct sim_reply *reply);
    /* May it ask? NULL: it is by a plain key (sim_access_by_key), else 401. False: *error says why
       not, which is told with the status `denied`. */
    bool (*authorise)(const struct sim_access *access, struct error *error);
    int denied;
    /* A request to a path of its own, whose body is not JSON and who need not be let in. False: it
       is none. NULL: there are none. */
    bool (*raw)(const struct sim_access *access, struct sim_reply *reply);
    /* The error as an event in the middle of a stream, and what ends the stream then. */
    void (*stream_error)(const struct sim_answer *answer, struct sim_reply *reply);
    /* What is said when `tokens` are more than the `window`. */
    void (*context)(uint64_t tokens, uint64_t window, struct buf *out);
};

extern const struct sim_dialect sim_openai;
extern const struct sim_dialect sim_ollama;
extern const struct sim_dialect sim_anthropic;
extern const struct sim_dialect sim_gemini;
extern const struct sim_dialect sim_responses;
extern const struct sim_dialect sim_bedrock;
extern const struct sim_dialect sim_vertex;

/* Does the request have the profile's key, wherever vendors want it? True when there is none. */
bool sim_access_by_key(const struct sim_access *access);
/* Answers a request to a path of some dialect's own; false: it is to none. */
MUST_USE bool sim_answer_raw(unsigned dialects, const struct sim_access *access,
                             struct sim_reply *reply);
/* The endpoint of a request, its dialect, and the model in its path (or empty); NULL: no such path
 * in these dialects. */
const struct sim_endpoint *sim_endpoint_find(unsigned dialects, const struct sim_request *request,
                                             const struct sim_dialect **ret_dialect,
                                             struct slice *ret_name);

#endif
