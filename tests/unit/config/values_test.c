/* SPDX-License-Identifier: Apache-2.0 */
#include "config/values.h"

#include "tests/tap.h"

#define REFUSED INT64_MIN

struct row {
    const char *text;
    int64_t value;
};

static int64_t value_of(const char *path, const char *text, const char **ret_why)
{
    int64_t value = 0;
    bool ok =
        value_number(option_find(slice_from_cstr(path)), slice_from_cstr(text), &value, ret_why);
    return ok ? value : REFUSED;
}

static void check_rows(const char *path, const struct row *rows, size_t count)
{
    const char *why;
    for (size_t i = 0; i < count; i++) {
        int64_t value = value_of(path, rows[i].text, &why);
        EXPECT_INT(value, rows[i].value);
        if (value != rows[i].value) {
            printf("# %s: \"%s\"\n", path, rows[i].text);
        }
    }
}

static void reads_durations(void)
{
    static const struct row rows[] = {
        {"100ms", 100},
        {"2s", 2000},
        {"2 s", 2000},
        {"2S", 2000},
        {"10m", 600000},
        {"1h", REFUSED},
        {"99ms", REFUSED},
        {"601s", REFUSED},
        {"0", REFUSED},
        {"5", REFUSED},
        {"", REFUSED},
        {"s", REFUSED},
        {"-5s", REFUSED},
        {"+5s", REFUSED},
        {"1.5s", REFUSED},
        {"5 seconds", REFUSED},
        {"5ss", REFUSED},
        {" 5s", REFUSED},
        {"0x5s", REFUSED},
        {"5s5", REFUSED},
        {"2147483648s", REFUSED},
        {"18446744073709551616s", REFUSED},
        {"9223372036854775807d", REFUSED},
    };
    const char *why;
    check_rows("server.head_timeout", rows, ARRAY_LEN(rows));
    EXPECT_INT(value_of("server.drain_timeout", "0", &why), 0);
    EXPECT_INT(value_of("server.drain_timeout", "0s", &why), 0);
    EXPECT_INT(value_of("server.drain_timeout", "1d", &why), 86400000);
    (void)value_of("server.head_timeout", "5", &why);
    EXPECT(why != NULL && strstr(why, "unit") != NULL);
    (void)value_of("server.head_timeout", "1h", &why);
    EXPECT(why == value_out_of_range);
    (void)value_of("server.head_timeout", "soon", &why);
    EXPECT(why == NULL);
}

static void reads_sizes(void)
{
    static const struct row rows[] = {
        {"1024", 1024},
        {"1024B", 1024},
        {"1KB", 1024},
        {"1kb", 1024},
        {"1 KB", 1024},
        {"1KiB", 1024},
        {"1MB", 1048576},
        {"1MiB", 1048576},
        {"1023", REFUSED},
        {"2MB", REFUSED},
        {"1GB", REFUSED},
        {"1K", REFUSED},
        {"KB", REFUSED},
        {"-1KB", REFUSED},
        {"1.5KB", REFUSED},
        {"1TB", REFUSED},
        {"2147483648GB", REFUSED},
    };
    const char *why;
    check_rows("server.head_bytes", rows, ARRAY_LEN(rows));
    EXPECT_INT(value_of("server.body_bytes", "1GB", &why), 1073741824);
    EXPECT_INT(value_of("server.body_bytes", "1073741825", &why), REFUSED);
}

static void reads_booleans(void)
{
    static const struct row rows[] = {
        {"true", 1},    {"yes", 1},     {"on", 1},     {"True", 1},        {"TRUE", 1},
        {"false", 0},   {"no", 0},      {"off", 0},    {"Off", 0},         {"1", REFUSED},
        {"0", REFUSED}, {"y", REFUSED}, {"", REFUSED}, {"truee", REFUSED},
    };
    check_rows("log.access", rows, ARRAY_LEN(rows));
}

static void reads_integers(void)
{
    static const struct row workers[] = {
        {"auto", 0},
        {"1", 1},
        {"64", 64},
        {"0", REFUSED},
        {"65", REFUSED},
        {"-1", REFUSED},
        {"Auto", REFUSED},
        {"1e1", REFUSED},
        {"", REFUSED},
        {"0x10", REFUSED},
        {"99999999999999999999", REFUSED},
    };
    static const struct row attempts[] = {
        {"1", 1},
        {"16", 16},
        {"0", REFUSED},
        {"17", REFUSED},
        {"auto", REFUSED},
        {"3.0", REFUSED},
        {"18446744073709551615", REFUSED},
        {"9223372036854775808", REFUSED},
    };
    check_rows("server.workers", workers, ARRAY_LEN(workers));
    check_rows("routes.*.max_attempts", attempts, ARRAY_LEN(attempts));
}

static void reads_decimals(void)
{
    static const struct row rows[] = {
        {"0", 0},           {"1", 1000},       {"0.7", 700},     {"0.75", 750}, {"1e-1", 100},
        {"1.001", REFUSED}, {"-0.1", REFUSED}, {"70%", REFUSED}, {"", REFUSED}, {"nan", REFUSED},
    };
    check_rows("routes.*.conservative", rows, ARRAY_LEN(rows));
}

static void reads_prices(void)
{
    static const struct row rows[] = {
        {"0", 0},          {"0.0", 0},         {"15", 15000000},
        {"0.80", 800000},  {"0.0001", 100},    {"10000", 10000000000LL},
        {"1e1", 10000000}, {"10001", REFUSED}, {"0.000003", REFUSED}, /* per token */
        {"3e-9", REFUSED}, /* rounds to nothing, and is not nothing */
        {"-1", REFUSED},   {"$15", REFUSED},   {"15 USD", REFUSED},
        {"", REFUSED},     {"1e30", REFUSED},
    };
    const char *why;
    check_rows("targets.*.price.input_per_mtok", rows, ARRAY_LEN(rows));
    (void)value_of("targets.*.price.input_per_mtok", "0.000003", &why);
    EXPECT(why != NULL && strstr(why, "per token") != NULL);
    (void)value_of("targets.*.price.input_per_mtok", "3000000", &why);
    EXPECT(why != NULL && strstr(why, "per million") != NULL);
    (void)value_of("targets.*.price.input_per_mtok", "$3", &why);
    EXPECT(why != NULL && strstr(why, "dollar sign") != NULL);
}

static void reads_money(void)
{
    static const struct row rows[] = {
        {"0", 0},
        {"0.05", 50000000},
        {"0.000000001", 1},
        {"1000000", 1000000000000000LL},
        {"1000001", REFUSED},
        {"0.0000000001", REFUSED},
        {"-0.05", REFUSED},
        {"$0.05", REFUSED},
        {"5 cents", REFUSED},
    };
    check_rows("routes.*.max_cost_usd", rows, ARRAY_LEN(rows));
}

static void reads_choices(void)
{
    static const struct row rows[] = {
        {"deny", 0},       {"ceiling", 1}, {"allow", 2},
        {"Deny", REFUSED}, {"", REFUSED},  {"deny|ceiling", REFUSED},
    };
    check_rows("prices.unknown", rows, ARRAY_LEN(rows));
}

static void texts_have_no_number(void)
{
    const char *why;
    EXPECT_INT(value_of("providers.*.base_url", "5", &why), REFUSED);
    EXPECT_INT(value_of("providers.*.api_key", "5", &why), REFUSED);
    EXPECT_INT(value_of("routes.*.tasks.*", "5", &why), REFUSED);
    EXPECT_INT(value_of("server", "5", &why), REFUSED);
    EXPECT_INT(value_of("server.listen", "5", &why), REFUSED);
}

int main(void)
{
    TEST(reads_durations, "reads durations with their units and bounds");
    TEST(reads_sizes, "reads sizes");
    TEST(reads_booleans, "reads booleans in the words of YAML 1.1");
    TEST(reads_integers, "reads integers, and auto where it is allowed");
    TEST(reads_decimals, "reads decimals");
    TEST(reads_prices, "reads prices, and refuses those that are off by a million");
    TEST(reads_money, "reads amounts without rounding them to nothing");
    TEST(reads_choices, "reads choices");
    TEST(texts_have_no_number, "texts and sections have no number");
    return tap_done();
}
