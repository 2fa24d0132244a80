/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers in OpenAI's words: chat completions, completions, embeddings, models, errors; whole and
 * as chunks of server-sent events. Ids and times are fixed by the request and the seed.
 */
#ifndef SLUICE_SIM_OPENAI_H
#define SLUICE_SIM_OPENAI_H

#include "codec/json_write.h"
#include "sim/answer.h"
#include "sim/reply.h"

#define SIM_CREATED 1767225600 /* 2026-01-01, in each answer */

/* What a refusal says, in either dialect. */
struct sim_refusal {
    int status;
    struct slice type;
    struct slice code; /* empty: null */
    struct slice text;
};

/* SIM_CHAT and SIM_COMPLETION, whole or streamed as the request asks. */
void sim_openai_answer(const struct sim_answer *answer, struct sim_reply *reply);
void sim_openai_embeddings(const struct sim_answer *answer, struct sim_reply *reply);
/* `models`: names separated by commas. */
void sim_openai_models(struct slice models, struct sim_reply *reply);
void sim_openai_refusal(const struct sim_refusal *refusal, struct sim_reply *reply);
/* The error as an event in the middle of a stream (plain, or with finish_reason error). */
void sim_openai_stream_error(const struct sim_answer *answer, struct sim_reply *reply);

/* The members of a usage object, for `completion` tokens so far. */
void sim_openai_usage(const struct sim_answer *answer, uint64_t completion, struct json_writer *w);

/* Used by both dialects: a vector's number at `index`, in millionths. */
int64_t sim_embedding(uint64_t hash, int64_t index);

#endif
