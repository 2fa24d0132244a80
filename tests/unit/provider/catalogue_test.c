/* SPDX-License-Identifier: Apache-2.0 */
/* The oracle: cost_fixtures.tsv holds what the price package itself computes
 * (tools/catalogue/fixtures.mjs). */
#include "provider/catalogue.h"

#include "tests/tap.h"

#include <stdlib.h>

#define FIXTURES "tests/unit/provider/cost_fixtures.tsv"
#define FIXTURES_MIN 300
#define FIELDS 15
#define NOON_IN_AUTUMN 1790856000 /* 2026-10-01T12:00:00Z */

static bool find(const char *provider, const char *model, int64_t wall_s,
                 struct catalogue_model *ret_model)
{
    return catalogue_find(slice_from_cstr(provider), slice_from_cstr(model), wall_s, ret_model);
}

/* --- fixtures --- */

struct fixture {
    struct slice fields[FIELDS];
    int64_t numbers[FIELDS];
};

static bool read_fixture(char *line, struct fixture *fixture)
{
    struct slice rest = slice_of(line, strcspn(line, "\n"));
    for (int i = 0; i < FIELDS; i++) {
        fixture->fields[i] = slice_cut(&rest, '\t');
        fixture->numbers[i] = 0;
        bool is_number = i >= 2 && i <= 12;
        if (is_number && !slice_to_scaled(fixture->fields[i], 0, &fixture->numbers[i])) {
            return false;
        }
    }
    return rest.len == 0;
}

/* NULL: as the package says. */
static const char *check_fixture(const struct fixture *f)
{
    struct catalogue_model model;
    bool known = !slice_eq(f->fields[13], SLICE("-"));
    if (catalogue_find(f->fields[0], f->fields[1], f->numbers[2], &model) != known) {
        return known ? "is not found" : "is found";
    }
    if (!known) {
        return NULL;
    }
    if (!slice_eq(model.id, f->fields[13])) {
        return "is another model";
    }
    struct usage usage = {
        .input = f->numbers[3],
        .output = f->numbers[4],
        .cache_read = f->numbers[5],
        .cache_write = f->numbers[6],
        .cache_write_1h = f->numbers[7],
        .audio_input = f->numbers[8],
        .audio_output = f->numbers[9],
        .reasoning = f->numbers[10],
        .image_input = f->numbers[11],
        .image_output = f->numbers[12],
    };
    int64_t thousandths = 0;
    if (!slice_to_scaled(f->fields[14], 3, &thousandths)) {
        return "has no cost";
    }
    long long difference = price_cost(&model.price, &usage) * 1000 - thousandths;
    return llabs(difference) <= 1000 ? NULL : "costs something else";
}

static void agrees_with_package(void)
{
    FILE *file = fopen(FIXTURES, "r");
    EXPECT(file != NULL);
    if (file == NULL) {
        return;
    }
    char line[1024];
    int count = 0;
    int priced = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        struct fixture fixture;
        EXPECT(read_fixture(line, &fixture));
        const char *wrong = check_fixture(&fixture);
        if (wrong != NULL) {
            printf("# %s line %d: %.*s %s\n", FIXTURES, count + 1, SLICE_ARG(fixture.fields[1]),
                   wrong);
        }
        EXPECT(wrong == NULL);
        priced += !slice_eq(fixture.fields[14], SLICE("-")) &&
                  !slice_eq(fixture.fields[14], SLICE("0.000"));
        count++;
    }
    fclose(file);
    EXPECT(priced >= FIXTURES_MIN);
    printf("# %d cases, %d of them with a cost\n", count, priced);
}

/* --- search --- */

static void describes_models(void)
{
    struct catalogue_model model;
    EXPECT(find("openai", "gpt-4o-mini", NOON_IN_AUTUMN, &model));
    EXPECT_SLICE(model.provider, "openai");
    EXPECT_SLICE(model.id, "gpt-4o-mini");
    EXPECT_INT(model.context_tokens, 128000);
    EXPECT_INT(model.output_tokens, 16384);
    capability_set wanted =
        CAPABILITY_TOOLS | CAPABILITY_VISION | CAPABILITY_JSON_SCHEMA | CAPABILITY_STREAMING;
    EXPECT_INT(model.capabilities & wanted, wanted);
    EXPECT((model.capabilities & CAPABILITY_REASONING) == 0);
    EXPECT_INT(model.price.base.input, 150000);
    EXPECT_INT(model.price.base.output, 600000);
    EXPECT_INT(model.price.base.cache_read, 75000);
    EXPECT_INT(model.price.base.cache_write, -1);
    EXPECT(model.price_until_s == INT64_MAX);
}

static void finds_by_every_rule(void)
{
    struct catalogue_model model;
    EXPECT(find("openai", "GPT-4O-Mini", NOON_IN_AUTUMN, &model)); /* equals, any case */
    EXPECT(find("deepseek", "deepseek-v4-flash-0731", NOON_IN_AUTUMN, &model)); /* starts_with */
    EXPECT(find("openai", "gpt-6-luna-2026-10-01", NOON_IN_AUTUMN, &model));    /* pattern */
    EXPECT_SLICE(model.id, "gpt-6-luna");
    EXPECT(find("openai", "gpt-6-luna-20261001", NOON_IN_AUTUMN, &model)); /* compact date */
    EXPECT_SLICE(model.id, "gpt-6-luna");
    EXPECT(!find("openai", "gpt-6-luna-2026-10-0", NOON_IN_AUTUMN, &model));
    EXPECT(!find("openai", "gpt-6-luna-2026-10-01x", NOON_IN_AUTUMN, &model));
    EXPECT(!find("openai", "gpt-6-luna-20261301", NOON_IN_AUTUMN, &model)); /* no such month */
    EXPECT(find("azure", "claude-sonnet-4-5", NOON_IN_AUTUMN, &model)); /* of another provider */
    EXPECT_SLICE(model.provider, "anthropic");
    EXPECT(find("google", "gemini-2.5-pro-preview", NOON_IN_AUTUMN, &model)); /* and, not */
    EXPECT_SLICE(model.id, "gemini-2.5-pro");
}

static void refuses_strangers(void)
{
    struct catalogue_model model;
    char name[CATALOGUE_NAME_MAX + 1];
    memset(name, '-', sizeof(name));
    memcpy(name, "deepseek-v4-flash", 17); /* a rule of this provider is a prefix */
    EXPECT(catalogue_find(SLICE("deepseek"), slice_of(name, CATALOGUE_NAME_MAX), 0, &model));
    EXPECT(!catalogue_find(SLICE("deepseek"), slice_of(name, CATALOGUE_NAME_MAX + 1), 0, &model));
    EXPECT(!find("openai", "no-such-model", 0, &model));
    EXPECT(!find("openai", "", 0, &model));
    EXPECT(!find("openai", "  ", 0, &model));
    EXPECT(!find("no-such-provider", "gpt-4o", 0, &model));
    EXPECT(!find("", "gpt-4o", 0, &model));
    EXPECT(!catalogue_find(SLICE("openai"), SLICE("gpt-4o\0mini"), 0, &model));
    EXPECT(!catalogue_find(SLICE("openai"), SLICE_EMPTY, 0, &model));
}

/* The longest name of compact dates grows by two bytes in nine. */
static void survives_many_dates(void)
{
    struct catalogue_model model;
    char name[CATALOGUE_NAME_MAX];
    for (size_t i = 0; i < sizeof(name); i++) {
        name[i] = "-20260131"[i % 9];
    }
    EXPECT(!catalogue_find(SLICE("openai"), slice_of(name, sizeof(name)), 0, &model));
    memcpy(name, "deepseek-v4-flash", 17);
    EXPECT(catalogue_find(SLICE("deepseek"), slice_of(name, sizeof(name)), 0, &model));
}

/* --- moments --- */

static int64_t input_at(int64_t wall_s, int64_t *ret_until)
{
    struct catalogue_model model;
    if (!find("deepseek", "deepseek-v4-flash", wall_s, &model)) {
        return -1;
    }
    *ret_until = model.price_until_s;
    return model.price.base.input;
}

static void prices_change_on_their_day(void)
{
    int64_t midnight = 1786924800; /* 2026-08-17T00:00:00Z */
    int64_t until = 0;
    EXPECT_INT(input_at(midnight - 1, &until), 140000);
    EXPECT_INT(until, midnight);
    EXPECT_INT(input_at(midnight, &until), 220000);
    EXPECT_INT(until, midnight + 3600);
}

static void prices_change_with_the_hour(void)
{
    int64_t midnight = NOON_IN_AUTUMN - 43200;
    int64_t until = 0;
    EXPECT_INT(input_at(midnight + 3600 - 1, &until), 220000);
    EXPECT_INT(until, midnight + 3600);
    EXPECT_INT(input_at(midnight + 3600, &until), 440000);
    EXPECT_INT(until, midnight + 14400);
    EXPECT_INT(input_at(midnight + 14400 - 1, &until), 440000);
    EXPECT_INT(input_at(midnight + 14400, &until), 220000);
    EXPECT_INT(until, midnight + 21600);
    EXPECT_INT(input_at(midnight + 36000, &until), 220000);
    EXPECT_INT(until, midnight + 86400 + 3600);
}

static void far_moments_are_safe(void)
{
    struct catalogue_model model;
    EXPECT(find("deepseek", "deepseek-v4-flash", INT64_MAX, &model));
    EXPECT(model.price_until_s == INT64_MAX);
    EXPECT(find("deepseek", "deepseek-v4-flash", INT64_MIN, &model));
    EXPECT(find("deepseek", "deepseek-v4-flash", -1, &model));
    EXPECT(model.price_until_s > -1);
}

/* --- the whole table --- */

static bool rates_are_sane(const struct price_rates *r)
{
    int64_t dearest = 1000 * PRICE_PD_PER_USD_PER_MTOK; /* $1,000 per million tokens */
    const int64_t optional[] = {r->cache_read,  r->cache_write,  r->cache_write_1h,
                                r->audio_input, r->audio_output, r->reasoning,
                                r->image_input, r->image_output};
    bool sane = r->input >= 0 && r->input <= dearest && r->output >= 0 && r->output <= dearest;
    for (size_t i = 0; i < ARRAY_LEN(optional); i++) {
        sane = sane && optional[i] >= -1 && optional[i] <= dearest;
    }
    return sane;
}

static bool price_is_sane(const struct price *price)
{
    bool sane = !price->known || rates_are_sane(&price->base);
    int64_t above = 0;
    for (size_t i = 0; i < price->tier_count; i++) {
        sane =
            sane && price->tiers[i].above_input > above && rates_are_sane(&price->tiers[i].rates);
        above = price->tiers[i].above_input;
    }
    return sane && price->per_request_nd >= 0;
}

static void every_row_is_sane(void)
{
    const struct catalogue_info *info = catalogue_info();
    size_t known = 0;
    for (size_t i = 0; i < info->models; i++) {
        struct catalogue_model model;
        catalogue_at(i, NOON_IN_AUTUMN, &model);
        EXPECT(model.provider.len > 0 && model.id.len > 0);
        EXPECT(model.context_tokens >= 0 && model.context_tokens <= 100000000);
        EXPECT(model.output_tokens >= 0 && model.output_tokens <= 100000000);
        EXPECT(price_is_sane(&model.price));
        EXPECT_INT(model.index, i);
        known += model.price.known;
    }
    EXPECT(info->models >= 1600);
    EXPECT(info->providers >= 40);
    EXPECT(known >= 1600);
    EXPECT(strlen(info->date) == 10);
    EXPECT(strstr(info->source, "genai-prices") != NULL);
}

static void free_only_by_name(void)
{
    for (size_t i = 0; i < catalogue_info()->models; i++) {
        struct catalogue_model model;
        catalogue_at(i, NOON_IN_AUTUMN, &model);
        if (price_is_free(&model.price)) {
            EXPECT(slice_ends(model.id, SLICE(":free")));
        }
    }
    struct catalogue_model model;
    EXPECT(find("openai", "whisper-1", NOON_IN_AUTUMN,
                &model)); /* priced by the hour: not by tokens */
    EXPECT(!model.price.known);
}

int main(void)
{
    TEST(agrees_with_package, "costs are those of the price package, to a nano-dollar");
    TEST(describes_models, "a model has price, limits and capabilities");
    TEST(finds_by_every_rule, "models are found by every kind of rule");
    TEST(refuses_strangers, "strangers and overlong names are not found");
    TEST(survives_many_dates, "a name of nothing but dates fits");
    TEST(prices_change_on_their_day, "a dated price begins at midnight UTC");
    TEST(prices_change_with_the_hour, "a price of the hour begins and ends on the second");
    TEST(far_moments_are_safe, "moments at the ends of time are safe");
    TEST(every_row_is_sane, "every row of the table is sane");
    TEST(free_only_by_name, "nothing is free that does not say so");
    return tap_done();
}
