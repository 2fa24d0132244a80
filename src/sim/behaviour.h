/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a simulated provider can be told to do: one row for each behaviour, with a name, what its
 * number means and a sentence. Behaviours are named in chains: "reset-mid-3", "slow-200ms-tps-50",
 * "status-429-retry-2", "usage-missing+no-done". A chain comes from
 *
 *   - the model: after its vendor ("openai/") the whole name, or what follows "fault-", "sim-",
 *     "+" or ":", as far as that is a chain ("llama2:slow-200ms", "fault-reset-mid-3");
 *   - the prompt: the last `[[sim:CHAIN]]` in the body, which adds to the model's;
 *   - the server: its profile, or PUT /sim/behaviour; the request's own take precedence.
 *
 * After "fault-", "sim-" and in `[[sim:...]]` an unknown name is an error, so that a test with a
 * misspelt behaviour fails. Pure; any thread.
 */
#ifndef SLUICE_SIM_BEHAVIOUR_H
#define SLUICE_SIM_BEHAVIOUR_H

#include "base/slice.h"

enum sim_behaviour {
    /* time */
    SIM_SLOW,
    SIM_TPS,
    SIM_EVENT,
    SIM_PAUSE,
    SIM_HEAD_FIRST,
    SIM_LATE_END,
    SIM_DRIP,
    SIM_HANG,
    SIM_HANG_MID,
    /* refusals */
    SIM_STATUS,
    SIM_RETRY,
    SIM_RETRY_MS,
    SIM_RETRY_DATE,
    SIM_FLAP,
    SIM_CONTEXT_LENGTH,
    SIM_QUOTA,
    SIM_REDIRECT,
    SIM_ERROR_IN_200,
    SIM_HTML,
    SIM_PLAIN_ERROR,
    SIM_EARLY,
    /* the connection */
    SIM_REFUSED,
    SIM_RESET_BEFORE,
    SIM_FIN_BEFORE,
    SIM_RESET_HEAD,
    SIM_RESET_MID,
    SIM_FIN_MID,
    SIM_CLOSE,
    SIM_STALE,
    /* the framing */
    SIM_TRUNCATED_CHUNK,
    SIM_SHORT_CONTENT_LENGTH,
    SIM_EXTRA_BYTES,
    SIM_DUP_CONTENT_LENGTH,
    SIM_LENGTH_AND_CHUNKED,
    SIM_BAD_CHUNK,
    SIM_BAD_STATUS_LINE,
    SIM_FOLDED_HEADER,
    SIM_NO_LENGTH,
    SIM_HTTP10,
    SIM_TRAILERS,
    SIM_1XX_FLOOD,
    SIM_HEAD_BOMB,
    SIM_ONE_BYTE_WRITES,
    SIM_ONE_BYTE_CHUNKS,
    SIM_TWO_EVENTS_PER_WRITE,
    SIM_SPLIT_EVENTS,
    SIM_SPLIT_UTF8,
    /* the body */
    SIM_GZIP,
    SIM_GZIP_BOMB,
    SIM_HUGE,
    SIM_HUGE_EVENT,
    SIM_ENDLESS,
    SIM_EMPTY,
    SIM_WRONG_TYPE,
    SIM_MALFORMED_EVENT,
    SIM_MALFORMED_JSON,
    SIM_INVALID_UTF8,
    SIM_DEEP_JSON,
    /* the stream */
    SIM_ERROR_IN_STREAM,
    SIM_ERROR_OPENROUTER,
    SIM_NO_DONE,
    SIM_NO_FINISH,
    SIM_KEEPALIVE_COMMENTS,
    SIM_BLANK_LINES_FIRST,
    SIM_CRLF,
    SIM_CR,
    SIM_BOM,
    SIM_DATA_LINES,
    SIM_NO_SPACE,
    SIM_EVENT_FIELDS,
    /* usage */
    SIM_USAGE_MISSING,
    SIM_USAGE_ALWAYS,
    SIM_USAGE_IN_CHOICE,
    SIM_USAGE_IN_FINISH,
    SIM_USAGE_XGROQ,
    SIM_USAGE_NULL_CHUNKS,
    SIM_USAGE_EVERY_CHUNK,
    SIM_USAGE_CACHED,
    SIM_USAGE_CACHE_HIT,
    SIM_PROMPT_CACHE,
    SIM_USAGE_WRITE_5M,
    SIM_USAGE_WRITE_1H,
    SIM_USAGE_COST,
    SIM_USAGE_NEGATIVE,
    SIM_USAGE_HUGE,
    SIM_USAGE_STRING,
    /* the answer */
    SIM_TOKENS,
    SIM_ECHO,
    SIM_ECHO_RESULT,
    SIM_ANNOUNCE,
    SIM_JSON,
    SIM_BAD_JSON_ANSWER,
    SIM_REFUSAL,
    SIM_REPEAT,
    SIM_EMPTY_TEXT,
    SIM_NULL_CONTENT,
    SIM_ENDS_BY_LENGTH,
    SIM_CONTENT_FILTER,
    SIM_THINKING,
    SIM_THINKING_OMITTED,
    SIM_REDACTED,
    SIM_CITATIONS,
    SIM_REASONING_CONTENT,
    SIM_REASONING_DETAILS,
    SIM_WRONG_MODEL,
    /* tools */
    SIM_TOOLS,
    SIM_TOOLS_PARALLEL,
    SIM_TOOLS_WHOLE,
    SIM_TOOLS_DONE_ONLY,
    SIM_TOOLS_WITH_TEXT,
    SIM_TOOLS_NO_ID,
    SIM_TOOLS_ODD_ID,
    SIM_TOOLS_BAD_JSON,
    SIM_TOOLS_EMPTY_LIST,
    SIM_TOOLS_UNKNOWN,
    SIM_BEHAVIOURS
};

struct sim_behaviour_row {
    struct slice name;
    const char *number; /* what the number is, or NULL: the behaviour takes none */
    uint32_t fallback;  /* its value when none is given */
    const char *help;
};

/* Indexed by enum sim_behaviour. */
extern const struct sim_behaviour_row sim_behaviour_rows[SIM_BEHAVIOURS];

/* A set of behaviours with their numbers. Zeroed: none. */
struct sim_behaviours {
    bool on[SIM_BEHAVIOURS];
    uint32_t number[SIM_BEHAVIOURS];
};

static inline bool sim_is(const struct sim_behaviours *set, enum sim_behaviour which)
{
    return set->on[which];
}

/* The number of a behaviour that is on, else `otherwise`. */
static inline uint32_t sim_number(const struct sim_behaviours *set, enum sim_behaviour which,
                                  uint32_t otherwise)
{
    return set->on[which] ? set->number[which] : otherwise;
}

/* Adds a chain. False, with nothing added, when it is no chain of known behaviours; empty is a
 * chain. */
MUST_USE bool sim_behaviours_add(struct sim_behaviours *set, struct slice chain);
/* Adds what a model's name asks for. False: it asks for something unknown (*ret_unknown names it).
 */
MUST_USE bool sim_behaviours_of_model(struct sim_behaviours *set, struct slice model,
                                      struct slice *ret_unknown);
/* The same for the last marker in a body. */
MUST_USE bool sim_behaviours_of_body(struct sim_behaviours *set, struct slice body,
                                     struct slice *ret_unknown);
/* Adds those of `more` that are not in `set` yet. */
void sim_behaviours_merge(struct sim_behaviours *set, const struct sim_behaviours *more);
bool sim_behaviours_any(const struct sim_behaviours *set);

#endif
