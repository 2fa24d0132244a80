/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of OpenAI's dialect share.
 */
#ifndef SLUICE_SIM_OPENAI_PRIVATE_H
#define SLUICE_SIM_OPENAI_PRIVATE_H

#include "sim/openai.h"

struct slice sim_openai_finish(enum sim_finish finish);
/* id, object, created, model, system_fingerprint. */
void sim_openai_head(const struct sim_answer *answer, struct slice object, struct json_writer *w);
void sim_openai_xgroq(const struct sim_answer *answer, struct json_writer *w);
/* The members that carry a thought. */
void sim_openai_thoughts(const struct sim_answer *answer, struct slice thought,
                         struct json_writer *w);
bool sim_openai_read(struct sim_reading *r);
/* What the API refuses of a chat: orders of messages, parts, tools. False: *r->error. */
MUST_USE bool sim_openai_check(const struct sim_reading *r);
bool sim_openai_read_embeddings(struct sim_reading *r);
void sim_openai_embeddings(const struct sim_answer *answer, struct sim_reply *reply);
void sim_openai_models(struct slice models, struct slice name, struct sim_reply *reply);
void sim_openai_refuse(const struct sim_refusal *refusal, struct sim_reply *reply);
void sim_openai_stream_error(const struct sim_answer *answer, struct sim_reply *reply);
void sim_openai_whole(const struct sim_answer *answer, struct sim_reply *reply);
void sim_openai_stream(const struct sim_answer *answer, struct sim_reply *reply);

#endif
