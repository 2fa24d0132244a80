/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers in OpenAI's words: chat completions, completions, embeddings, models, errors; whole and
 * as chunks of server-sent events. Ids and times are fixed by the request and the seed.
 */
#ifndef SLUICE_SIM_OPENAI_H
#define SLUICE_SIM_OPENAI_H

#include "codec/json_write.h"
#include "sim/dialect.h"

#define SIM_CREATED 1767225600 /* 2026-01-01, in each answer */

/* SIM_CHAT and SIM_COMPLETION, whole or streamed as the request asks. */
void sim_openai_answer(const struct sim_answer *answer, struct sim_reply *reply);
/* Cuts the next fragment of a call's arguments off: some bytes, no character in two. */
struct slice sim_take_fragment(struct slice *rest);
/* A member of a usage object, as sound as the behaviours let it be. */
void sim_usage_count(const struct sim_answer *answer, struct json_writer *w, struct slice key,
                     uint64_t count);
/* The members of a usage object, for `completion` tokens so far. */
void sim_openai_usage(const struct sim_answer *answer, uint64_t completion, struct json_writer *w);

/* Used by all dialects: a vector's number at `index`, in millionths. */
int64_t sim_embedding(uint64_t hash, int64_t index);

#endif
