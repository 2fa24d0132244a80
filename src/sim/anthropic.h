/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anthropic Messages: what the files of the dialect share. The checks refuse what clients and
 * gateways get wrong, in the words of the real API.
 */
#ifndef SLUICE_SIM_ANTHROPIC_H
#define SLUICE_SIM_ANTHROPIC_H

#include "codec/json_write.h"
#include "sim/dialect.h"

#define SIM_ANTHROPIC_BLOCKS_MAX 64 /* calls that may wait for their results */

bool sim_anthropic_read(struct sim_reading *r);
bool sim_anthropic_read_count(struct sim_reading *r);
/* Members, limits and tools; then the conversation. False: *r->error. */
MUST_USE bool sim_anthropic_check(struct sim_reading *r);
MUST_USE bool sim_anthropic_check_turns(struct sim_reading *r, bool thinks);
/* Is a beta of this name asked for? */
bool sim_anthropic_beta(const struct sim_reading *r, struct slice name);

/* "toolu_..." for "call_...", anything else as it is. */
struct slice sim_anthropic_id(const struct sim_call *call, char *id, size_t size);
struct slice sim_anthropic_stop_reason(const struct sim_choice *choice);
/* The usage object; `output`: tokens so far. */
void sim_anthropic_usage(const struct sim_answer *answer, uint64_t output, struct json_writer *w);
/* id, type, role, model. */
void sim_anthropic_head(const struct sim_answer *answer, struct json_writer *w);
void sim_anthropic_citation(struct json_writer *w);
void sim_anthropic_stream(const struct sim_answer *answer, struct sim_reply *reply);
void sim_anthropic_stream_error(const struct sim_answer *answer, struct sim_reply *reply);
/* What the redacted thought holds. */
#define SIM_ANTHROPIC_REDACTED SLICE("a thought that is not shown")

#endif
