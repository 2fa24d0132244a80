/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI Responses: what the files of the dialect share.
 */
#ifndef SLUICE_SIM_RESPONSES_H
#define SLUICE_SIM_RESPONSES_H

#include "codec/json_write.h"
#include "sim/dialect.h"
#include "sim/memory.h"

#define SIM_ITEM_ID 48

bool sim_responses_read(struct sim_reading *r);
/* What the API refuses of a request. `kept`: the conversation that it goes on with, or NULL. */
MUST_USE bool sim_responses_check(const struct sim_reading *r, const struct sim_kept *kept);

/* "resp_...", "msg_...", "rs_...": an id of this answer. */
struct slice sim_responses_id(const struct sim_answer *answer, const char *prefix, char *id);
/* "fc_..." or "ctc_..." of a call. */
struct slice sim_responses_call_id(const struct sim_call *call, char *id);
bool sim_responses_shows_thoughts(const struct sim_answer *answer);

/* The response object. `done`: with its output and usage. */
void sim_responses_object(const struct sim_answer *answer, bool done, const char *status,
                          struct json_writer *w);
/* Output items; `done`: whole, else as they begin in a stream. */
void sim_responses_reasoning(const struct sim_answer *answer, bool done, struct json_writer *w);
void sim_responses_message(const struct sim_answer *answer, bool done, struct json_writer *w);
void sim_responses_call(const struct sim_call *call, bool done, struct json_writer *w);
void sim_responses_part(const struct sim_answer *answer, bool done, struct json_writer *w);
const char *sim_responses_status(const struct sim_answer *answer);

void sim_responses_stream(const struct sim_answer *answer, struct sim_reply *reply);
void sim_responses_stream_error(const struct sim_answer *answer, struct sim_reply *reply);

#endif
