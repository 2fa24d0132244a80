/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Money is integers: amounts in nano-dollars (nd, 10^-9 $), prices in pico-dollars per token (pd,
 * 10^-12 $; $1 per million tokens is 1,000,000 pd). A cost is computed in 128 bits and rounded up
 * once per attempt; a call's cost is the sum of its attempts'. Amounts saturate at INT64_MAX, they
 * never wrap.
 */
#ifndef SLUICE_MODEL_PRICE_H
#define SLUICE_MODEL_PRICE_H

#include "base/buf.h"
#include "model/usage.h"

#define PRICE_PD_PER_USD_PER_MTOK 1000000LL
#define MONEY_ND_PER_USD 1000000000LL
#define PRICE_TIERS_MAX 3

struct price_rates { /* pico-dollars per token */
    int64_t input;
    int64_t output;
    int64_t cache_read;     /* -1: as input */
    int64_t cache_write;    /* -1: as input */
    int64_t cache_write_1h; /* -1: as cache_write */
    int64_t audio_input;    /* -1: as input */
    int64_t audio_output;   /* -1: as output */
};

/* Rates that replace the base ones when the input is larger than `above_input` tokens. */
struct price_tier {
    int64_t above_input;
    struct price_rates rates;
};

struct price {
    bool known;
    struct price_rates base;
    struct price_tier tiers[PRICE_TIERS_MAX]; /* ascending */
    uint8_t tier_count;
    int64_t per_request_nd;
};

/* The rates that apply to an input of this size. */
const struct price_rates *price_rates_for(const struct price *price, int64_t input_tokens);
/* Nano-dollars of this usage, rounded up once. Unknown price: 0 (callers decide by policy before
 * they ask). */
int64_t price_cost(const struct price *price, const struct usage *usage);
/* The most that price_cost() says of any usage with at most `input` tokens in (cached ones and
 * those written to a cache among them) and `output` tokens out: each token at the dearest rate that
 * it may have, in whichever tier the true input turns out to be. Without `audio` none of them is
 * spoken. */
int64_t price_bound(const struct price *price, int64_t input, int64_t output, bool audio);
/* Known and every rate 0. */
bool price_is_free(const struct price *price);
/* Saturating sum of amounts >= 0. */
int64_t money_add(int64_t a, int64_t b);
/* "0.000123", at least 2 and at most 9 decimals. Writes at most MONEY_TEXT_MAX bytes, no NUL;
   returns how many. */
size_t money_put(int64_t nd, char *out);
#define MONEY_TEXT_MAX 31
/* The same; appends. */
bool money_format(struct buf *out, int64_t nd);

#endif
