/* SPDX-License-Identifier: Apache-2.0 */
/* Strategies of routes and rules: one reading for both. Only for the resolution. */
#ifndef SLUICE_CONFIG_RESOLVE_STRATEGY_H
#define SLUICE_CONFIG_RESOLVE_STRATEGY_H

#include "config/reader.h"
#include "config/snapshot.h"

struct strategy_options { /* paths in the option table */
    const char *strategy;
    const char *weights;
};

struct arrangement {
    const uint16_t *targets; /* that have weights, in order */
    size_t count;
    enum strategy strategy;  /* the one that holds when none is given; then the one that is read */
    const uint32_t *weights; /* in the snapshot's arena; NULL unless it is weighted */
};

void resolve_strategy(struct reader *reader, const struct yaml *section,
                      const struct strategy_options *options, struct arrangement *arrangement);
/* The targets that a list names, once each; what is wrong is reported. In the snapshot's arena. */
uint16_t *resolve_target_list(struct reader *reader, const struct yaml *list, size_t *ret_count);
/* The route's rules; after its candidates and its own strategy. */
void resolve_rules(struct reader *reader, const struct yaml *section, struct route *route);

#endif
