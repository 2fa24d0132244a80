/* SPDX-License-Identifier: Apache-2.0 */
/*
 * targets.*.price. Four mappings have the same rates: the price, its tiers, its dates, and the
 * tiers of those. A tier takes over what it does not say; a date is a price of its own.
 */
#include "config/resolve_price.h"

#include <time.h>

enum rate {
    RATE_INPUT,
    RATE_OUTPUT,
    RATE_CACHE_READ,
    RATE_CACHE_WRITE,
    RATE_CACHE_WRITE_1H,
    RATE_AUDIO_INPUT,
    RATE_AUDIO_OUTPUT,
    RATE_REASONING,
    RATE_IMAGE_INPUT,
    RATE_IMAGE_OUTPUT,
    RATES
};

/* The options of a mapping that has rates. */
struct price_paths {
    const char *rates[RATES];
    const char *per_request; /* NULL: there is none */
    const char *tiers;
};

#define RATE_PATHS(at)                                                                             \
    {                                                                                              \
        [RATE_INPUT] = at ".input_per_mtok", [RATE_OUTPUT] = at ".output_per_mtok",                \
        [RATE_CACHE_READ] = at ".cache_read_per_mtok",                                             \
        [RATE_CACHE_WRITE] = at ".cache_write_per_mtok",                                           \
        [RATE_CACHE_WRITE_1H] = at ".cache_write_1h_per_mtok",                                     \
        [RATE_AUDIO_INPUT] = at ".audio_input_per_mtok",                                           \
        [RATE_AUDIO_OUTPUT] = at ".audio_output_per_mtok",                                         \
        [RATE_REASONING] = at ".reasoning_per_mtok",                                               \
        [RATE_IMAGE_INPUT] = at ".image_input_per_mtok",                                           \
        [RATE_IMAGE_OUTPUT] = at ".image_output_per_mtok",                                         \
    }
#define PRICE_PATH "targets.*.price"
#define DATE_PATH PRICE_PATH ".from.*"

static const struct price_paths price_paths = {RATE_PATHS(PRICE_PATH), PRICE_PATH ".per_request",
                                               PRICE_PATH ".tiers"};
static const struct price_paths date_paths = {RATE_PATHS(DATE_PATH), DATE_PATH ".per_request",
                                              DATE_PATH ".tiers"};
static const struct price_paths tier_paths = {.rates = RATE_PATHS(PRICE_PATH ".tiers.*")};
static const struct price_paths date_tier_paths = {.rates = RATE_PATHS(DATE_PATH ".tiers.*")};

static int64_t *rate_of(struct price_rates *rates, enum rate rate)
{
    int64_t *const at[RATES] = {
        [RATE_INPUT] = &rates->input,
        [RATE_OUTPUT] = &rates->output,
        [RATE_CACHE_READ] = &rates->cache_read,
        [RATE_CACHE_WRITE] = &rates->cache_write,
        [RATE_CACHE_WRITE_1H] = &rates->cache_write_1h,
        [RATE_AUDIO_INPUT] = &rates->audio_input,
        [RATE_AUDIO_OUTPUT] = &rates->audio_output,
        [RATE_REASONING] = &rates->reasoning,
        [RATE_IMAGE_INPUT] = &rates->image_input,
        [RATE_IMAGE_OUTPUT] = &rates->image_output,
    };
    return at[rate];
}

/* Returns how many there are, usable or not. */
static size_t read_rates(const struct yaml *mapping, const struct price_paths *paths,
                         struct price_rates *rates)
{
    size_t count = 0;
    for (unsigned i = 0; i < RATES; i++) {
        if (setting_given(mapping, paths->rates[i])) {
            *rate_of(rates, (enum rate)i) = setting_number(mapping, paths->rates[i]);
        }
        count += setting_attempted(mapping, paths->rates[i]) ? 1 : 0;
    }
    return count;
}

/* --- tiers --- */

static bool read_threshold(struct reader *reader, const struct yaml *tier, int64_t *ret_above)
{
    const int64_t most = 100000000;
    if (slice_to_scaled(tier->key, 0, ret_above) && *ret_above > 0 && *ret_above <= most) {
        return true;
    }
    report_error(reader, tier->key_place, "bad_tier",
                 "for example 200000: { input_per_mtok: 6, output_per_mtok: 22.5 }",
                 "a tier is named by the tokens of input above which it holds, up to 100,000,000");
    return false;
}

static void insert_tier(struct price *price, const struct price_tier *tier)
{
    size_t at = price->tier_count++;
    while (at > 0 && price->tiers[at - 1].above_input > tier->above_input) {
        price->tiers[at] = price->tiers[at - 1];
        at--;
    }
    price->tiers[at] = *tier;
}

static void read_tiers(struct reader *reader, const struct yaml *tiers,
                       const struct price_paths *paths, struct price *price)
{
    for (const struct yaml *t = member_first(tiers); t != NULL; t = member_next(t)) {
        struct price_tier tier = {.rates = price->base};
        if (!read_threshold(reader, t, &tier.above_input)) {
            continue;
        }
        if (price->tier_count == PRICE_TIERS_MAX) {
            report_error(reader, t->key_place, "too_many_tiers", "leave the largest ones out",
                         "a price has at most 3 tiers");
            return;
        }
        if (t->kind != YAML_MAPPING || read_rates(t, paths, &tier.rates) == 0) {
            report_error(reader, t->key_place, "incomplete",
                         "for example { input_per_mtok: 6, output_per_mtok: 22.5 }",
                         "a tier needs a rate that differs");
            continue;
        }
        insert_tier(price, &tier);
    }
}

/* --- a whole price --- */

static bool read_price(struct reader *reader, const struct yaml *mapping,
                       const struct price_paths *paths, const struct price_paths *tiers,
                       struct price *ret_price)
{
    if (mapping->kind != YAML_MAPPING || !setting_attempted(mapping, paths->rates[RATE_INPUT]) ||
        !setting_attempted(mapping, paths->rates[RATE_OUTPUT])) {
        report_error(reader, mapping->key_place, "incomplete",
                     "give input_per_mtok and output_per_mtok, in dollars per million tokens",
                     "a price needs both rates");
        return false;
    }
    *ret_price = (struct price){.known = true,
                                .base = PRICE_RATES(0, 0),
                                .per_request_nd = setting_number(mapping, paths->per_request)};
    (void)read_rates(mapping, paths, &ret_price->base);
    read_tiers(reader, setting_node(mapping, paths->tiers), tiers, ret_price);
    return true;
}

/* --- dates --- */

/* "2026-12-01": the first second of that day, UTC. */
static bool read_date(struct slice text, int64_t *ret_s)
{
    int64_t year;
    int64_t month;
    int64_t day;
    if (text.len != 10 || text.ptr[4] != '-' || text.ptr[7] != '-' ||
        !slice_to_scaled(slice_of(text.ptr, 4), 0, &year) ||
        !slice_to_scaled(slice_of(text.ptr + 5, 2), 0, &month) ||
        !slice_to_scaled(slice_of(text.ptr + 8, 2), 0, &day) || year < 2000 || month < 1 ||
        day < 1) {
        return false;
    }
    struct tm date = {.tm_year = (int)year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)day};
    struct tm same = date;
    *ret_s = (int64_t)timegm(&same);
    return same.tm_mon == date.tm_mon && same.tm_mday == date.tm_mday;
}

/* Of the prices that begin at dates the last one that has begun. */
static void read_dates(struct reader *reader, const struct yaml *dates, struct price *price,
                       int64_t *ret_until_s)
{
    int64_t now_s = reader->options->wall_s;
    int64_t latest_s = INT64_MIN;
    for (const struct yaml *d = member_first(dates); d != NULL; d = member_next(d)) {
        struct price dated;
        int64_t from_s;
        if (!read_date(d->key, &from_s)) {
            report_error(reader, d->key_place, "bad_date",
                         "for example 2026-12-01: { input_per_mtok: 3, output_per_mtok: 15 }",
                         "a price begins on a day of the calendar (UTC), written YYYY-MM-DD");
        } else if (read_price(reader, d, &date_paths, &date_tier_paths, &dated)) {
            if (from_s > now_s) {
                *ret_until_s = from_s < *ret_until_s ? from_s : *ret_until_s;
            } else if (from_s > latest_s) {
                latest_s = from_s;
                *price = dated;
            }
        }
    }
}

bool resolve_price(struct reader *reader, const struct yaml *section, struct target *target,
                   int64_t *ret_until_s)
{
    const struct yaml *mapping = setting_node(section, PRICE_PATH);
    struct price price;
    *ret_until_s = INT64_MAX;
    if (mapping == NULL || mapping->kind != YAML_MAPPING ||
        !read_price(reader, mapping, &price_paths, &tier_paths, &price)) {
        return false;
    }
    read_dates(reader, setting_node(mapping, PRICE_PATH ".from"), &price, ret_until_s);
    target->price = price;
    return true;
}

/* --- what is not known --- */

static void complete_rates(const struct policy *policy, struct price_rates *rates)
{
    int64_t dear = policy->ceiling.output > rates->output ? policy->ceiling.output : rates->output;
    rates->audio_output = rates->audio_output < 0 ? dear : rates->audio_output;
    rates->image_output = rates->image_output < 0 ? dear : rates->image_output;
}

void price_complete(const struct policy *policy, struct target *target)
{
    struct price *price = &target->price;
    target->speaks = price->known && price->base.audio_output >= 0;
    target->draws = price->known && price->base.image_output >= 0;
    if (!price->known || price_is_free(price) || policy->unknown_price == UNKNOWN_PRICE_ALLOW) {
        return;
    }
    complete_rates(policy, &price->base);
    for (size_t i = 0; i < price->tier_count; i++) {
        complete_rates(policy, &price->tiers[i].rates);
    }
}
