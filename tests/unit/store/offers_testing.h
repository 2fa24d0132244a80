/* SPDX-License-Identifier: Apache-2.0 */
/* A call that was weighed against other targets, with its offers. */
#ifndef TESTS_UNIT_STORE_OFFERS_TESTING_H
#define TESTS_UNIT_STORE_OFFERS_TESTING_H

#include "tests/unit/store/ledger_testing.h"

static inline struct offer offer_of(const char *target, int64_t input_pd, int64_t output_pd)
{
    struct offer offer = {
        .kind = OFFER_PRICED,
        .target = slice_from_cstr(target),
        .provider = SLICE("lab"),
        .model = slice_from_cstr(target),
        .price = {.known = true,
                  .base = {input_pd, output_pd, input_pd / 10, -1, -1, -1, -1, -1, -1, -1},
                  .tiers = {{1000, {input_pd * 2, output_pd * 2, -1, -1, -1, -1, -1, -1, -1, -1}}},
                  .tier_count = 1,
                  .per_request_nd = 7},
    };
    offer_identify(&offer);
    return offer;
}

/* A call of two attempts, a failed one and one that answered, weighed against a third target. */
struct example {
    struct offer cheap;
    struct offer dear;
    struct offer baseline;
    struct settle_record failed;
    struct settle_record answer;
    struct call_record call;
    char candidates[3 * CANDIDATE_BYTES];
};

static inline struct settle_record settle_of(uint64_t seed, uint32_t attempt,
                                             const struct offer *offer)
{
    struct settle_record settle = sample_settle(seed, attempt);
    settle.target = offer->target;
    settle.provider = offer->provider;
    settle.model = offer->model;
    settle.offer = offer->id;
    settle.basis = CHARGE_PRICE;
    settle.purpose = ATTEMPT_FOR_ANSWER;
    settle.outcome = ATTEMPT_OK;
    settle.usage = (struct usage){.input = 900, .output = 50, .cache_read = 400, .reported = true};
    settle.cost_nd = price_cost(&offer->price, &settle.usage);
    settle.loss = SLICE_EMPTY;
    return settle;
}

static inline void example_init(struct example *e, uint64_t seed)
{
    e->cheap = offer_of("cheap", 100000, 400000);
    e->dear = offer_of("dear", 3000000, 15000000);
    e->baseline = offer_of("baseline", 30000000, 60000000);
    e->failed = settle_of(seed, 1, &e->cheap);
    e->failed.outcome = ATTEMPT_FAILED;
    e->answer = settle_of(seed, 2, &e->dear);
    e->call = sample_call(seed);
    e->call.target = e->answer.target;
    e->call.provider = e->answer.provider;
    e->call.model = e->answer.model;
    e->call.attempts = 2;
    e->call.cost_nd = e->failed.cost_nd + e->answer.cost_nd;
    e->call.input_tokens = e->answer.usage.input;
    e->call.output_tokens = e->answer.usage.output;
    e->call.baseline = e->baseline.target;
    e->call.baseline_offer = e->baseline.id;
    e->call.baseline_nd = price_cost(&e->baseline.price, &e->answer.usage);
    const struct candidate candidates[] = {
        {e->cheap.id, 11, 1, 900, 500},
        {e->dear.id, 22, 5, 100, 500},
        {e->baseline.id, 33, 40, 0, 500},
    };
    char *out = e->candidates;
    for (size_t i = 0; i < ARRAY_LEN(candidates); i++) {
        out = candidate_put(out, &candidates[i]);
    }
    e->call.candidates = slice_of(e->candidates, sizeof(e->candidates));
}

static inline bool journal_all(struct journal *journal, const struct example *e, uint64_t seed)
{
    struct hold_record first = sample_hold(seed, 1);
    struct hold_record second = sample_hold(seed, 2);
    return journal_offer(journal, &e->cheap) && journal_offer(journal, &e->dear) &&
           journal_offer(journal, &e->baseline) && journal_offer(journal, &e->cheap) &&
           journal_hold(journal, &first) && journal_settle(journal, &e->failed) &&
           journal_hold(journal, &second) && journal_settle_and_call(journal, &e->answer, &e->call);
}

/* Member by member: what pads a struct is anything. */
static inline bool is_same_price(const struct price *a, const struct price *b)
{
    return a->known == b->known && a->tier_count == b->tier_count &&
           a->per_request_nd == b->per_request_nd &&
           memcmp(&a->base, &b->base, sizeof(a->base)) == 0 &&
           memcmp(a->tiers, b->tiers, a->tier_count * sizeof(a->tiers[0])) == 0;
}

#endif
