/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of answers: is what a cheap target said good enough to be delivered? Each check is a row
 * of the table in check.c: a word for `escalate.when`, a pure function and what its result weighs.
 * An answer's verdict is the sum of their evidence, in log odds, on top of what is known of the
 * target before it is read, against the route's threshold. No check executes anything; every one is
 * bounded in time, memory and depth, and says CHECK_SILENT where it cannot tell. Any thread.
 */
#ifndef SLUICE_ROUTE_CHECK_H
#define SLUICE_ROUTE_CHECK_H

#include "base/arena.h"
#include "model/chat.h"
#include "model/event.h"

/* Names are in configurations, in headers and in the ledger, numbers in the ledger: they do not
 * change, and new ones come at the end. */
enum answer_check {
    CHECK_EMPTY,
    CHECK_REFUSAL,
    CHECK_TRUNCATED,
    CHECK_LANGUAGE,
    CHECK_REPETITION,
    CHECK_JSON,
    CHECK_SCHEMA,
    CHECK_PATTERN,
    CHECK_CHOICE,
    CHECK_TOOL,
    CHECK_ARITHMETIC,
    CHECK_CODE,
    CHECK_CONFIDENCE,
    CHECK_LEARNED, /* what was learned from answers of this model (weights.h) */
    CHECK_JUDGE,   /* what a judge said of it; asked by the gateway */
    CHECK_COUNT
};
#define CHECK_BIT(check) (1u << (check))
/* Checks that can speak before an answer is complete. */
#define CHECKS_EARLY (CHECK_BIT(CHECK_EMPTY) | CHECK_BIT(CHECK_REFUSAL) | CHECK_BIT(CHECK_LANGUAGE))

enum check_result { CHECK_SILENT, CHECK_PASSED, CHECK_FAILED };

/* A call of a tool, plain, and the schema of its arguments (raw JSON; empty: none is known). */
struct checked_call {
    struct slice name;
    struct slice arguments;
    struct slice schema;
    bool known;  /* the client offers a tool of this name */
    bool custom; /* its arguments are free text */
};

#define CHECK_CALLS_MAX 64

/* The canonical answer, its first choice: plain text. */
struct checked_answer {
    struct slice prompt; /* the last user turn, or its beginning */
    struct slice text;
    enum finish_reason finish;
    bool refused; /* the provider says that it is a refusal */
    bool limited; /* the client set the limit that an answer would be truncated by */
    bool partial; /* it goes on: only CHECKS_EARLY may speak */
    bool carries; /* something that is no text: a picture, a vector */
    enum answer_format format;
    struct slice schema; /* raw JSON schema that the client wants, or empty */
    const struct checked_call *calls;
    size_t call_count;
    uint32_t tokens_scored; /* with a log-probability */
    double mean_logprob;
};

struct check_pattern; /* a compiled regular expression */

/* What a route asks for. Part of a policy: immutable. */
struct check_settings {
    uint32_t when;           /* CHECK_BIT()s */
    double threshold;        /* 0..1: less probable to be good than this, and it escalates */
    double min_mean_logprob; /* CHECK_CONFIDENCE */
    const struct check_pattern *pattern;
    const struct slice *choices; /* plain; one of them must be what the answer says */
    size_t choice_count;
};

/* False: *ret_offset and `text` (of `size` bytes) say what is wrong with the expression. The
 * compiled form lives in the arena. */
MUST_USE bool check_pattern_compile(struct slice pattern, struct arena *arena,
                                    const struct check_pattern **ret_pattern, size_t *ret_offset,
                                    char *text, size_t size);
/* CHECK_SILENT: matching took more than its limits allow. */
enum check_result check_pattern_search(const struct check_pattern *pattern, struct slice text);

/* What all checks said. */
struct checked {
    uint8_t results[CHECK_COUNT]; /* enum check_result */
    double log_odds;              /* that it is good */
    enum answer_check worst;      /* of those that failed the weightiest; CHECK_COUNT: none did */
    double worst_log_odds;
};

/* "check_arithmetic", as records have it; "arithmetic". */
const char *answer_check_code(enum answer_check check);
const char *answer_check_name(enum answer_check check);
MUST_USE bool answer_check_from_name(struct slice name, enum answer_check *ret_check);
/* Weight of a result in log odds, where nothing was learned. */
double check_weight(enum answer_check check, enum check_result result);

/* Runs those of settings->when. `prior`: log odds that an answer of this target is good, before it
 * is read (CHECK_PRIOR where nothing is known). */
#define CHECK_PRIOR 1.5
void answer_check(const struct check_settings *settings, const struct checked_answer *answer,
                  double prior, struct checked *ret_checked);
/* Adds the result of a check that was made elsewhere; `log_odds` is what it weighs. */
void checked_add(struct checked *checked, enum answer_check check, enum check_result result,
                 double log_odds);
/* Is it good enough? What no check speaks against is, whoever said it: how good a target is counts
 * when it is chosen, and against what speaks against its answer. */
bool checked_accepts(const struct checked *checked, const struct check_settings *settings);
double log_odds_of(double probability); /* bounded: no infinities */
double probability_of(double log_odds);

/* One function each; see the files. */
enum check_result check_empty(const struct checked_answer *answer);
enum check_result check_refusal(const struct checked_answer *answer);
enum check_result check_truncated(const struct checked_answer *answer);
enum check_result check_language(const struct checked_answer *answer);
enum check_result check_repetition(const struct checked_answer *answer);
enum check_result check_json(const struct checked_answer *answer);
enum check_result check_schema(const struct checked_answer *answer);
enum check_result check_tool(const struct checked_answer *answer);
enum check_result check_arithmetic(const struct checked_answer *answer);
enum check_result check_code(const struct checked_answer *answer);
enum check_result check_choice(const struct check_settings *settings,
                               const struct checked_answer *answer);

/* Words for which check_code() has a grammar ("python", "js" ...); index from 0, NULL behind the
 * last. */
const char *check_code_language(size_t index);

#endif
