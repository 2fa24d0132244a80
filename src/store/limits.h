/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a scope may spend and ask: plain data, read from the database with the keys, enforced by
 * budget.h. A call is held against its key, and against the user, team and organisation that the
 * key belongs to, each as a whole and, where a limit names a route or a target, for that alone.
 * Amounts are nano-dollars. LIMIT_NONE is no limit; 0 is a limit that nothing fits.
 */
#ifndef SLUICE_STORE_LIMITS_H
#define SLUICE_STORE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMIT_NONE INT64_C(-1)
#define SCOPE_NAME_SIZE 64 /* with the NUL */
#define SCOPE_CAPS_MAX 4   /* caps of one scope, each of another period */

enum scope_kind { SCOPE_KEY, SCOPE_USER, SCOPE_TEAM, SCOPE_ORGANISATION, SCOPE_KINDS };

enum cap_period {
    CAP_TOTAL,   /* for ever */
    CAP_DAY,     /* from midnight, in the time zone of the configuration */
    CAP_WEEK,    /* from Monday's midnight */
    CAP_MONTH,   /* from the first's midnight */
    CAP_ROLLING, /* the last window_s seconds */
    CAP_PERIODS
};

struct spend_cap {
    enum cap_period period;
    bool soft; /* warns and goes on, where a hard cap refuses */
    int64_t amount_nd;
    int64_t window_s; /* of CAP_ROLLING; else 0 */
};

struct scope_limits {
    struct spend_cap caps[SCOPE_CAPS_MAX];
    size_t cap_count;
    int64_t requests_per_minute;
    int64_t tokens_per_minute;
    int64_t parallel;       /* calls at the same time */
    int64_t max_request_nd; /* worst case of one call */
    bool pace;              /* near a cap, take cheaper tiers */
};

/* No limit at all. */
static inline struct scope_limits limits_none(void)
{
    return (struct scope_limits){
        .requests_per_minute = LIMIT_NONE,
        .tokens_per_minute = LIMIT_NONE,
        .parallel = LIMIT_NONE,
        .max_request_nd = LIMIT_NONE,
    };
}

/* One row of limits: of a scope as a whole, or of its calls that mean one route and its attempts at
 * one target. */
struct scope_rule {
    enum scope_kind kind;
    uint64_t scope_id;           /* of SCOPE_KEY: the key's; else the scope's own */
    char model[SCOPE_NAME_SIZE]; /* a route, a target or provider/model; empty: all */
    struct scope_limits limits;
};

/* A range of key_set_rules(). */
struct rule_range {
    uint32_t first;
    uint32_t count;
};

#endif
