/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amazon Bedrock's Converse: what the files of the dialect share. The checks refuse what clients
 * and gateways get wrong, in the words of the service.
 */
#ifndef SLUICE_SIM_BEDROCK_H
#define SLUICE_SIM_BEDROCK_H

#include "codec/json_write.h"
#include "sim/dialect.h"

#define SIM_BEDROCK_CALLS_MAX 64 /* that may wait for their results */

bool sim_bedrock_read(struct sim_reading *r);
bool sim_bedrock_read_stream(struct sim_reading *r);

/* Members, limits and tools; then the conversation. False: *r->error. */
MUST_USE bool sim_bedrock_check(const struct sim_reading *r);
MUST_USE bool sim_bedrock_check_turns(const struct sim_reading *r);
/* Letters, digits, '_' and '-', at most 64. */
bool sim_bedrock_is_name(struct slice text);
/* Is it an object that sets nothing but these, separated by blanks? True when it is absent. `where`
   is its path. False: *r->error. */
MUST_USE bool sim_bedrock_only(const struct sim_reading *r, uint32_t object, const char *names,
                               const char *where);
/* A mark of the prompt cache. */
MUST_USE bool sim_bedrock_check_cache(const struct sim_reading *r, uint32_t point,
                                      const char *where);

/* "tooluse_..." for "call_...", anything else as it is. */
struct slice sim_bedrock_id(const struct sim_call *call, char *id, size_t size);
struct slice sim_bedrock_stop_reason(const struct sim_choice *choice);
/* "stopReason", with what goes beside it. */
void sim_bedrock_stop(const struct sim_choice *choice, struct json_writer *w);
/* "usage" and "metrics". */
void sim_bedrock_usage(const struct sim_answer *answer, struct json_writer *w);
void sim_bedrock_stream(const struct sim_answer *answer, struct sim_reply *reply);
void sim_bedrock_stream_error(const struct sim_answer *answer, struct sim_reply *reply);
/* One of a page of the web. */
#define SIM_BEDROCK_CITATION                                                                       \
    SLICE("{\"title\":\"A page\",\"sourceContent\":[{\"text\":\"words of the page\"}],"            \
          "\"location\":{\"web\":{\"url\":\"https://example.com/"                                  \
          "page\",\"domain\":\"example.com\"}}}")
/* What a thought that is not shown holds, as base64. */
#define SIM_BEDROCK_REDACTED SLICE("YSB0aG91Z2h0IHRoYXQgaXMgbm90IHNob3du")

#endif
