/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gemini's generateContent API: what the files of the dialect share.
 */
#ifndef SLUICE_SIM_GEMINI_H
#define SLUICE_SIM_GEMINI_H

#include "codec/json_write.h"
#include "sim/dialect.h"

bool sim_gemini_read(struct sim_reading *r);
bool sim_gemini_read_stream(struct sim_reading *r);
bool sim_gemini_read_count(struct sim_reading *r);
bool sim_gemini_read_embed(struct sim_reading *r);
bool sim_gemini_read_batch(struct sim_reading *r);

/* A member by its name in camelCase, or the same in snake_case: the API takes both. */
uint32_t sim_gemini_member(const struct sim_reading *r, uint32_t object, const char *name);
/* What the API refuses of a request, and of its conversation. False: *r->error. */
MUST_USE bool sim_gemini_check(const struct sim_reading *r, uint32_t root);
MUST_USE bool sim_gemini_check_turns(const struct sim_reading *r, uint32_t root);

/* generateContent and streamGenerateContent. */
void sim_gemini_answer(const struct sim_answer *answer, struct sim_reply *reply);
/* Errors, in the dialects that are Gemini's. */
void sim_gemini_refuse(const struct sim_refusal *refusal, struct sim_reply *reply);
void sim_gemini_stream_error(const struct sim_answer *answer, struct sim_reply *reply);
void sim_gemini_context(uint64_t tokens, uint64_t window, struct buf *out);

#endif
