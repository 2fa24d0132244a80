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
    int64_t reasoning;      /* -1: as output */
    int64_t image_input;    /* -1: as input */
    int64_t image_output;   /* -1: as output */
};
/* Initialiser of rates that have only these two; the others are as they are. */
#define PRICE_RATES(input_pd, output_pd)                                                           \
    {                                                                                              \
        .input = (input_pd), .output = (output_pd), .cache_read = -1, .cache_write = -1,           \
        .cache_write_1h = -1, .audio_input = -1, .audio_output = -1, .reasoning = -1,              \
        .image_input = -1, .image_output = -1                                                      \
    }

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
/* What a cost is made of: each token of the usage is in exactly one part. */
enum price_part {
    PRICE_INPUT, /* what is none of the next five */
    PRICE_CACHE_READ,
    PRICE_CACHE_WRITE,
    PRICE_CACHE_WRITE_1H,
    PRICE_AUDIO_INPUT,
    PRICE_IMAGE_INPUT,
    PRICE_OUTPUT, /* what is none of the next three; reasoning without a rate of its own */
    PRICE_REASONING,
    PRICE_AUDIO_OUTPUT,
    PRICE_IMAGE_OUTPUT,
    PRICE_REQUEST, /* .count is 1 */
    PRICE_PARTS
};
const char *price_part_name(enum price_part part);

struct price_line {
    enum price_part part;
    int64_t count;     /* tokens, at least 1 */
    int64_t rate_pd;   /* for each */
    int64_t amount_pd; /* count * rate_pd, INT64_MAX beyond */
};
/* The lines whose sum, in pico-dollars rounded up to whole nano-dollars, is price_cost(); parts
 * without tokens have none. Returns how many. */
size_t price_lines(const struct price *price, const struct usage *usage,
                   struct price_line ret_lines[PRICE_PARTS]);
/* The most that price_cost() says of any usage with at most `input` tokens in (cached ones and
 * those written to a cache among them) and `output` tokens out: each token at the dearest rate that
 * it may have, in whichever tier the true input turns out to be. Sound and pictures are among them
 * where `media` has the bit of that part, PRICE_MEDIA(PRICE_AUDIO_INPUT) and so on. */
int64_t price_bound(const struct price *price, int64_t input, int64_t output, unsigned media);
#define PRICE_MEDIA(part) (1u << (part))
#define PRICE_MEDIA_ALL                                                                            \
    (PRICE_MEDIA(PRICE_AUDIO_INPUT) | PRICE_MEDIA(PRICE_AUDIO_OUTPUT) |                            \
     PRICE_MEDIA(PRICE_IMAGE_INPUT) | PRICE_MEDIA(PRICE_IMAGE_OUTPUT))
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
