/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a provider reports within the bound of tokens, it costs no more than the bound. */
#include "model/price.h"

#include "base/random.h"
#include "tests/tap.h"

static int64_t rate(struct random *random)
{
    switch (random_below(random, 6)) {
    case 0:
        return -1;
    case 1:
        return 0;
    default:
        return (int64_t)random_below(random, 200000000);
    }
}

static struct price_rates rates(struct random *random)
{
    return (struct price_rates){
        .input = rate(random),
        .output = rate(random),
        .cache_read = rate(random),
        .cache_write = rate(random),
        .cache_write_1h = rate(random),
        .audio_input = rate(random),
        .audio_output = rate(random),
        .reasoning = rate(random),
        .image_input = rate(random),
        .image_output = rate(random),
    };
}

static struct price any_price(struct random *random)
{
    struct price price = {.known = true,
                          .base = rates(random),
                          .tier_count = (uint8_t)random_below(random, PRICE_TIERS_MAX + 1),
                          .per_request_nd = rate(random)};
    int64_t above = 0;
    for (size_t i = 0; i < price.tier_count; i++) {
        above += (int64_t)random_below(random, 300000);
        price.tiers[i] = (struct price_tier){above, rates(random)};
    }
    return price;
}

static int64_t part(struct random *random, int64_t most)
{
    return most <= 0 || random_below(random, 3) == 0
               ? 0
               : (int64_t)random_below(random, (uint64_t)most + 1);
}

/* Parts may contradict their whole; that they are within the bound is all that is asked. */
static struct usage any_usage(struct random *random, int64_t input, int64_t output)
{
    struct usage usage = {.input = part(random, input),
                          .output = part(random, output),
                          .reasoning = part(random, output),
                          .audio_output = part(random, output),
                          .audio_input = part(random, input),
                          .image_input = part(random, input)};
    usage.image_output = part(random, output - usage.audio_output);
    if (random_below(random, 4) == 0) {
        usage.input = input;
        usage.output = output;
    }
    usage.cache_read = part(random, input);
    usage.cache_write = part(random, input - usage.cache_read);
    usage.cache_write_1h = part(random, input - usage.cache_read - usage.cache_write);
    return usage;
}

static void keep(int64_t *count, unsigned media, enum price_part part)
{
    *count = (media & PRICE_MEDIA(part)) != 0 ? *count : 0;
}

static void no_usage_costs_more_than_the_bound(void)
{
    struct random random;
    random_seed(&random, 4);
    int64_t equal = 0;
    for (int i = 0; i < 200000 && !tap_point_failed; i++) {
        struct price price = any_price(&random);
        if (i % 8 == 0) { /* with few rates the dearest is met often */
            price.base = (struct price_rates)PRICE_RATES(rate(&random), rate(&random));
            price.tier_count = 0;
        }
        int64_t input = (int64_t)random_below(&random, 1000000);
        int64_t output = (int64_t)random_below(&random, 200000);
        unsigned media = PRICE_MEDIA_ALL & (unsigned)random_below(&random, 1u << PRICE_PARTS);
        struct usage usage = any_usage(&random, input, output);
        keep(&usage.audio_input, media, PRICE_AUDIO_INPUT);
        keep(&usage.audio_output, media, PRICE_AUDIO_OUTPUT);
        keep(&usage.image_input, media, PRICE_IMAGE_INPUT);
        keep(&usage.image_output, media, PRICE_IMAGE_OUTPUT);
        int64_t bound = price_bound(&price, input, output, media);
        EXPECT(price_cost(&price, &usage) <= bound);
        equal += price_cost(&price, &usage) == bound;
    }
    EXPECT(equal > 200); /* and it is no more than that */
}

static void is_exact_where_nothing_is_open(void)
{
    const struct price price = {
        .known = true, .base = PRICE_RATES(2500000, 10000000), .per_request_nd = 7};
    const struct usage usage = {.input = 1001, .output = 503};
    EXPECT_INT(price_bound(&price, 1001, 503, 0), price_cost(&price, &usage));
    EXPECT_INT(price_bound(&price, 0, 0, PRICE_MEDIA_ALL), 7);
    EXPECT_INT(price_bound(&price, INT64_MAX, INT64_MAX, PRICE_MEDIA_ALL), INT64_MAX);
    const struct price unknown = {.known = false, .base = price.base};
    EXPECT_INT(price_bound(&unknown, 10, 10, PRICE_MEDIA_ALL), 0);
}

int main(void)
{
    TEST(no_usage_costs_more_than_the_bound, "no usage within the bound costs more than it says");
    TEST(is_exact_where_nothing_is_open, "a price with nothing open is exact, and saturates");
    return tap_done();
}
