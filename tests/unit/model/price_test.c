/* SPDX-License-Identifier: Apache-2.0 */
#include "model/price.h"

#include "tests/tap.h"

#define NONE PRICE_RATES(0, 0)

static struct price flat_price(int64_t input, int64_t output)
{
    struct price price = {.known = true, .base = NONE};
    price.base.input = input;
    price.base.output = output;
    return price;
}

static void plain_tokens(void)
{
    struct price price = flat_price(150000, 600000); /* $0.15 and $0.60 per million */
    EXPECT_INT(price_cost(&price, &(struct usage){.input = 1000000}), 150000000);
    EXPECT_INT(price_cost(&price, &(struct usage){.output = 1000000}), 600000000);
    EXPECT_INT(price_cost(&price, &(struct usage){.input = 1000, .output = 500}), 150000 + 300000);
    EXPECT_INT(price_cost(&price, &(struct usage){0}), 0);
}

static void rounds_up_once(void)
{
    struct price price = flat_price(1, 1);
    EXPECT_INT(price_cost(&price, &(struct usage){.input = 1}), 1);
    EXPECT_INT(price_cost(&price, &(struct usage){.input = 1, .output = 1}), 1);
    EXPECT_INT(price_cost(&price, &(struct usage){.input = 500, .output = 500}), 1);
    EXPECT_INT(price_cost(&price, &(struct usage){.input = 500, .output = 501}), 2);
}

static void unknown_costs_nothing(void)
{
    struct price price = flat_price(1000, 1000);
    price.known = false;
    EXPECT_INT(price_cost(&price, &(struct usage){.input = 1000, .output = 1000}), 0);
}

static void caches_once(void)
{
    struct price price = flat_price(3000000, 15000000);
    price.base.cache_read = 300000;
    price.base.cache_write = 3750000;
    price.base.cache_write_1h = 6000000;
    struct usage usage = {
        .input = 1000, .cache_read = 600, .cache_write = 200, .cache_write_1h = 100};
    EXPECT_INT(price_cost(&price, &usage), (600 * 300 + 200 * 3750 + 100 * 6000 + 100 * 3000));
    usage = (struct usage){.input = 1000, .cache_read = 1000};
    EXPECT_INT(price_cost(&price, &usage), 1000 * 300);
}

static void cache_fallbacks(void)
{
    struct price price = flat_price(3000000, 0);
    struct usage usage = {
        .input = 1000, .cache_read = 300, .cache_write = 200, .cache_write_1h = 100};
    EXPECT_INT(price_cost(&price, &usage), 1000 * 3000);
    price.base.cache_write = 4000000;
    EXPECT_INT(price_cost(&price, &usage), 300 * 4000 + 700 * 3000);
    price.base.cache_write_1h = 5000000;
    EXPECT_INT(price_cost(&price, &usage), 200 * 4000 + 100 * 5000 + 700 * 3000);
    price.base.cache_read = 0; /* free is a price, not a fallback */
    EXPECT_INT(price_cost(&price, &usage), 200 * 4000 + 100 * 5000 + 400 * 3000);
}

static void audio_once(void)
{
    struct price price = flat_price(1000000, 2000000);
    struct usage usage = {.input = 100, .output = 100, .audio_input = 40, .audio_output = 30};
    EXPECT_INT(price_cost(&price, &usage), 100 * 1000 + 100 * 2000);
    price.base.audio_input = 10000000;
    price.base.audio_output = 20000000;
    EXPECT_INT(price_cost(&price, &usage), 40 * 10000 + 60 * 1000 + 30 * 20000 + 70 * 2000);
    /* Cached audio: 90 of 100 are cached, so at most 10 tokens remain for the audio rate. */
    price.base.cache_read = 500000;
    usage = (struct usage){.input = 100, .cache_read = 90, .audio_input = 40};
    EXPECT_INT(price_cost(&price, &usage), 90 * 500 + 10 * 10000);
}

static void reasoning_is_output(void)
{
    struct price price = flat_price(0, 2000000);
    EXPECT_INT(price_cost(&price, &(struct usage){.output = 100, .reasoning = 80}), 100 * 2000);
}

static void reasoning_may_have_a_rate(void)
{
    struct price price = flat_price(0, 8000000);
    price.base.reasoning = 3000000;
    EXPECT_INT(price_cost(&price, &(struct usage){.output = 100, .reasoning = 80}),
               20 * 8000 + 80 * 3000);
    price.base.reasoning = 0;
    EXPECT_INT(price_cost(&price, &(struct usage){.output = 100, .reasoning = 80}), 20 * 8000);
}

/* A picture of 1,290 tokens at $30 and a sentence at $2.50. */
static void images_once(void)
{
    struct price price = flat_price(300000, 2500000);
    struct usage usage = {.input = 1000, .output = 1310, .image_input = 258, .image_output = 1290};
    EXPECT_INT(price_cost(&price, &usage), 1000 * 300 + 1310 * 2500);
    price.base.image_output = 30000000;
    EXPECT_INT(price_cost(&price, &usage), 1000 * 300 + 1290 * 30000 + 20 * 2500);
    price.base.image_input = 450000;
    EXPECT_INT(price_cost(&price, &usage), 742 * 300 + 258 * 450 + 1290 * 30000 + 20 * 2500);
    EXPECT_INT(
        price_cost(&price, &(struct usage){.output = 3, .audio_output = 5, .image_output = 10}),
        10 * 30000 + 5 * 2500);
}

static void contradictions_charge_the_larger(void)
{
    struct price price = flat_price(1000000, 2000000);
    price.base.cache_read = 100000;
    EXPECT_INT(price_cost(&price, &(struct usage){.input = 10, .cache_read = 1000}), 1000 * 100);
    EXPECT_INT(price_cost(&price, &(struct usage){.output = 10, .audio_output = 20}), 20 * 2000);
    EXPECT_INT(price_cost(&price, &(struct usage){.output = 10, .reasoning = 20}), 20 * 2000);
    EXPECT_INT(price_cost(&price, &(struct usage){.input = -5, .output = -7, .cache_read = -9}), 0);
}

static struct price tiered_price(void)
{
    struct price price = flat_price(1250000, 10000000);
    price.tier_count = 2;
    price.tiers[0] = (struct price_tier){.above_input = 200000, .rates = price.base};
    price.tiers[0].rates.input = 2500000;
    price.tiers[0].rates.output = 15000000;
    price.tiers[1] = (struct price_tier){.above_input = 500000, .rates = price.tiers[0].rates};
    price.tiers[1].rates.input = 5000000;
    return price;
}

static void tier_edges(void)
{
    struct price price = tiered_price();
    EXPECT(price_rates_for(&price, 199999) == &price.base);
    EXPECT(price_rates_for(&price, 200000) == &price.base);
    EXPECT(price_rates_for(&price, 200001) == &price.tiers[0].rates);
    EXPECT(price_rates_for(&price, 500000) == &price.tiers[0].rates);
    EXPECT(price_rates_for(&price, 500001) == &price.tiers[1].rates);
    EXPECT_INT(price_cost(&price, &(struct usage){.input = 200000, .output = 1000}),
               250000000 + 10000000);
    EXPECT_INT(price_cost(&price, &(struct usage){.input = 200001, .output = 1000}),
               500002500 + 15000000);
}

static void tier_counts_cached(void)
{
    struct price price = tiered_price();
    for (int i = 0; i < 2; i++) {
        price.tiers[i].rates.cache_read = 250000;
    }
    price.base.cache_read = 125000;
    struct usage usage = {.input = 200001, .cache_read = 200000};
    EXPECT_INT(price_cost(&price, &usage), 200000 * 250 + 2500);
}

static void per_request(void)
{
    struct price price = flat_price(1000000, 1000000);
    price.per_request_nd = 5000000; /* $5 per thousand requests */
    EXPECT_INT(price_cost(&price, &(struct usage){0}), 5000000);
    EXPECT_INT(price_cost(&price, &(struct usage){.input = 1}), 5001000);
}

static void saturates(void)
{
    struct price price = flat_price(INT64_MAX, INT64_MAX);
    price.per_request_nd = INT64_MAX;
    struct usage usage = {.input = INT64_MAX,
                          .output = INT64_MAX,
                          .cache_read = INT64_MAX,
                          .cache_write = INT64_MAX,
                          .cache_write_1h = INT64_MAX,
                          .reasoning = INT64_MAX,
                          .audio_input = INT64_MAX,
                          .audio_output = INT64_MAX};
    EXPECT(price_cost(&price, &usage) == INT64_MAX);
    EXPECT(price_cost(&price, &(struct usage){.input = 1}) == INT64_MAX);
    price = flat_price(1000, 0);
    EXPECT(price_cost(&price, &(struct usage){.input = INT64_MAX}) == INT64_MAX);
    EXPECT(price_cost(&price, &(struct usage){.input = INT64_MAX - 1}) == INT64_MAX - 1);
}

static void provider_cost_is_not_applied(void)
{
    struct price price = flat_price(1000000, 0);
    struct usage usage = {.input = 10, .provider_cost_nd = 7, .has_provider_cost = true};
    EXPECT_INT(price_cost(&price, &usage), 10000);
}

static void free_prices(void)
{
    struct price price = flat_price(0, 0);
    EXPECT(price_is_free(&price));
    price.known = false;
    EXPECT(!price_is_free(&price));
    price = flat_price(0, 0);
    price.per_request_nd = 1;
    EXPECT(!price_is_free(&price));
    price = flat_price(0, 0);
    price.base.audio_output = 1;
    EXPECT(!price_is_free(&price));
    price = flat_price(0, 0);
    price.tier_count = 1;
    price.tiers[0] = (struct price_tier){.above_input = 5, .rates = price.base};
    EXPECT(price_is_free(&price));
    price.tiers[0].rates.output = 1;
    EXPECT(!price_is_free(&price));
}

static void sums_saturate(void)
{
    EXPECT_INT(money_add(1, 2), 3);
    EXPECT(money_add(INT64_MAX, 1) == INT64_MAX);
    EXPECT(money_add(INT64_MAX, INT64_MAX) == INT64_MAX);
    EXPECT(money_add(INT64_MAX - 1, 1) == INT64_MAX);
    EXPECT_INT(money_add(-5, 7), 7);
}

static void expect_money(int64_t nd, const char *text)
{
    struct buf out = BUF_INIT(64);
    EXPECT(money_format(&out, nd));
    EXPECT_SLICE(buf_slice(&out), text);
    buf_release(&out);
}

static void formats(void)
{
    expect_money(0, "0.00");
    expect_money(1, "0.000000001");
    expect_money(123000, "0.000123");
    expect_money(10000000, "0.01");
    expect_money(1500000000, "1.50");
    expect_money(105000000000, "105.00");
    expect_money(-250000000, "-0.25");
    expect_money(INT64_MAX, "9223372036.854775807");
    expect_money(INT64_MIN, "-9223372036.854775808");
}

static void format_keeps_ceiling(void)
{
    struct buf out = BUF_INIT(3);
    EXPECT(!money_format(&out, 123000));
    buf_release(&out);
}

/* Of any usage, contradicting ones too: the lines are the cost, and no token is in two of them. */
static void lines_add_up(void)
{
    static const int64_t some[] = {0, 1, 3, 400, 1001};
    struct price price = flat_price(3000001, 15000007);
    price.base.cache_read = 299999;
    price.base.audio_output = 7;
    price.base.image_output = 9;
    price.base.reasoning = 5;
    price.per_request_nd = 11;
    price.tier_count = 1;
    price.tiers[0] = (struct price_tier){.above_input = 1000, .rates = price.base};
    price.tiers[0].rates.input = 6000001;
    const uint64_t kinds = ARRAY_LEN(some);
    for (uint64_t i = 0; i < kinds * kinds * kinds * kinds * kinds; i++) {
        struct usage usage = {.input = some[i % kinds],
                              .cache_read = some[i / kinds % kinds],
                              .cache_write = some[i / kinds / kinds % kinds],
                              .output = some[i / kinds / kinds / kinds % kinds],
                              .reasoning = some[(i + 1) % kinds],
                              .image_output = some[(i / kinds + 2) % kinds],
                              .audio_output = some[i / kinds / kinds / kinds / kinds]};
        struct price_line lines[PRICE_PARTS];
        size_t count = price_lines(&price, &usage, lines);
        int64_t sum_pd = 0;
        unsigned seen = 0;
        for (size_t k = 0; k < count; k++) {
            EXPECT_INT(lines[k].amount_pd, lines[k].count * lines[k].rate_pd);
            EXPECT(lines[k].count > 0 && (seen >> lines[k].part & 1) == 0);
            seen |= 1u << lines[k].part;
            sum_pd += lines[k].amount_pd;
        }
        EXPECT_INT((sum_pd + 999) / 1000, price_cost(&price, &usage));
    }
    EXPECT_INT(price_lines(&(struct price){0}, &(struct usage){.input = 9},
                           (struct price_line[PRICE_PARTS]){{0}}),
               0);
}

static void lines_saturate(void)
{
    struct price price = flat_price(INT64_MAX, 1);
    struct price_line lines[PRICE_PARTS];
    price.per_request_nd = INT64_MAX;
    EXPECT_INT(price_lines(&price, &(struct usage){.input = 2}, lines), 2);
    EXPECT_INT(lines[0].amount_pd, INT64_MAX);
    EXPECT_INT(lines[1].part, PRICE_REQUEST);
    EXPECT(lines[1].amount_pd > INT64_MAX - 1000);
    EXPECT(strcmp(price_part_name(PRICE_CACHE_WRITE_1H), "cache_write_1h") == 0);
}

int main(void)
{
    TEST(plain_tokens, "charges input and output at their rates");
    TEST(rounds_up_once, "rounds up once for the whole attempt");
    TEST(unknown_costs_nothing, "an unknown price computes as 0");
    TEST(caches_once, "charges each cached token once, at its own rate");
    TEST(cache_fallbacks, "a missing cache rate falls back to the next broader one");
    TEST(audio_once, "charges each audio token once");
    TEST(reasoning_is_output, "reasoning is a part of the output");
    TEST(reasoning_may_have_a_rate, "reasoning may have a rate of its own");
    TEST(images_once, "charges each image token once, at its own rate");
    TEST(contradictions_charge_the_larger, "contradicting counts are charged at the larger");
    TEST(tier_edges, "a tier begins above its edge");
    TEST(tier_counts_cached, "the tier counts cached input too");
    TEST(per_request, "adds the price per request");
    TEST(saturates, "saturates and never wraps");
    TEST(lines_add_up, "the lines of a cost add up to it");
    TEST(lines_saturate, "the lines of a cost saturate");
    TEST(provider_cost_is_not_applied, "the provider's own cost is the caller's to apply");
    TEST(free_prices, "free means known and every rate 0");
    TEST(sums_saturate, "sums of money saturate");
    TEST(formats, "formats dollars with 2 to 9 decimals");
    TEST(format_keeps_ceiling, "formatting reports a full buffer");
    return tap_done();
}
