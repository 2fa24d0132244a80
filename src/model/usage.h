/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of one attempt, normalised: `input` includes cached and cache-written tokens, `output`
 * includes reasoning tokens, whatever the provider's own arithmetic is. All counts are tokens; -1
 * never occurs, an unreported part is 0.
 */
#ifndef SLUICE_MODEL_USAGE_H
#define SLUICE_MODEL_USAGE_H

#include <stdbool.h>
#include <stdint.h>

/* No model takes or makes more in one request; a provider that reports more is not believed beyond
 * it. It keeps sums of costs far from overflow. */
#define USAGE_TOKENS_MAX 1000000000LL
#define USAGE_COST_ND_MAX 1000000000000000LL /* a million dollars */

struct usage {
    int64_t input;
    int64_t output;
    int64_t cache_read;
    int64_t cache_write; /* written for 5 minutes */
    int64_t cache_write_1h;
    int64_t reasoning;
    int64_t audio_input;
    int64_t audio_output;
    int64_t image_input;
    int64_t image_output;
    int64_t provider_cost_nd; /* nano-dollars that the provider itself reported; valid if
                                 has_provider_cost */
    bool has_provider_cost;
    bool reported;    /* false: an estimate of ours */
    bool unread;      /* it was reported, in counts that are none: nothing is known of it */
    bool cost_unread; /* likewise the amount */
};

/* Providers repeat usage along a stream: the last report wins, unless it says less of the input and
 * of the output than the one before. One that cannot be read leaves the counts, and all of it is
 * not reported until another can. Counts are brought into 0..USAGE_TOKENS_MAX. */
void usage_report(struct usage *usage, const struct usage *reported);

#endif
