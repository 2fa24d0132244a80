/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of the tables that tools/catalogue/embed.c generates; only catalogue.c and the
 * generated catalogue_data.h see them. Rows refer to each other by index, texts are spans of one
 * pool.
 */
#ifndef SLUICE_PROVIDER_CATALOGUE_ROWS_H
#define SLUICE_PROVIDER_CATALOGUE_ROWS_H

#include "model/price.h"

#include <stdbool.h>
#include <stdint.h>

#define CATALOGUE_STACK_MAX                                                                        \
    32 /* values that a match rule may hold; the generator refuses a deeper rule */

struct catalogue_text {
    uint32_t offset;
    uint32_t len;
};

struct catalogue_provider_row {
    struct catalogue_text id;
    uint32_t first_model;
    uint32_t model_count;
    uint32_t first_fallback; /* providers whose models are tried too */
    uint32_t fallback_count;
};

struct catalogue_model_row {
    struct catalogue_text id;
    struct catalogue_text name;
    uint32_t first_match;
    uint32_t match_count;
    uint32_t first_period;
    uint32_t period_count; /* at least 1 */
    int64_t context_tokens;
    int64_t output_tokens;
    uint32_t capabilities;
};

/* One word of a rule in postfix order: = equals, ^ starts, $ ends, * contains, ~ pattern (# is a
   digit, a leading ^ and a trailing $ anchor it), ! not, | or, & and. */
struct catalogue_match_row {
    char sign;
    uint32_t offset; /* of the text */
    uint32_t len;    /* of the text; of | and &: how many values they take */
};

/* The last period of a model that applies is in force. */
struct catalogue_period_row {
    char kind; /* a always, f from `begin` (unix seconds), d daily from `begin` to `end` (seconds of
                  the UTC day) */
    int64_t begin;
    int64_t end;
    uint32_t price;
};

struct catalogue_tier_row {
    int64_t above_input;
    uint32_t rates;
};

struct catalogue_price_row {
    bool known;
    uint32_t base; /* of catalogue_rates */
    uint8_t tier_count;
    struct catalogue_tier_row tiers[PRICE_TIERS_MAX];
    int64_t per_request_nd;
};

#endif
