/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of a route: "when a request looks like this, choose from these, in this order". The
 * first rule whose conditions all hold is the one that applies. Conditions of two kinds: what is
 * known of who asks before the text was read (key, headers, metadata, time) and what the text and
 * the plan say. Immutable, part of a snapshot; pure.
 */
#ifndef SLUICE_ROUTE_RULE_H
#define SLUICE_ROUTE_RULE_H

#include "route/classify.h"
#include "route/features.h"
#include "route/strategy.h"

#define RULES_MAX 64
#define RULE_MINUTES_OF_DAY 1440
#define RULE_MINUTES_OF_WEEK (7 * RULE_MINUTES_OF_DAY)

/* A header or a member of the body's metadata, and the texts that it may have. "*" stands for any
 * text, at an end of one for any continuation. */
struct rule_word {
    struct slice name;
    const struct slice *values;
    size_t value_count;
    bool metadata; /* else a header, whose name is compared without regard to case */
};

struct rule_hours {
    uint16_t from; /* minutes from midnight */
    uint16_t to;   /* exclusive; not after `from`: into the next day */
};

struct rule_when {
    uint64_t tasks;        /* bits of enum task; 0: any */
    double min_complexity; /* 0..1 */
    double max_complexity;
    int64_t min_tokens; /* of the input, as estimated */
    int64_t max_tokens;
    unsigned languages; /* bits of LANGUAGE_...; 0: any */
    int tools;          /* -1: either way, 0, 1 */
    int stream;
    unsigned pressure;        /* tiers that the budget's pace asks for, at least */
    const struct slice *keys; /* names of client keys */
    size_t key_count;
    const struct rule_word *words;
    size_t word_count;
    const struct rule_hours *hours;
    size_t hour_count;
    unsigned days; /* bits, Monday is 0; 0: any. Hours after midnight belong to the day before */
};

struct rule {
    struct slice name;
    struct rule_when when;
    const uint16_t *targets; /* instead of the route's candidates and lists; NULL: those */
    size_t target_count;
    const uint32_t *weights; /* by position in `targets`, or in the route's candidates */
    enum strategy strategy;
    int min_tier; /* hard, or -1 */
};

/* What is known of who asks. */
struct rule_asker {
    struct slice key_name; /* empty: none */
    unsigned minute;       /* of the week, from Monday 0:00, local time */
    /* The text of a header or of a member of metadata; a NULL pointer: it is not there. */
    struct slice (*look_up)(const void *owner, const struct rule_word *word);
    const void *owner;
};
/* Bits of the rules whose conditions of the asker hold. */
uint64_t rules_of_asker(const struct rule *rules, size_t count, const struct rule_asker *asker);
/* The first of `possible` (bits) whose other conditions hold, or NULL. */
const struct rule *rule_of_request(const struct rule *rules, size_t count, uint64_t possible,
                                   const struct features *features,
                                   const struct classification *classification, bool stream,
                                   unsigned pressure);
/* Does the text match one of the patterns? For conditions and their tests. */
bool rule_text_matches(struct slice text, const struct slice *patterns, size_t count);

#endif
