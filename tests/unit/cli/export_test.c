/* SPDX-License-Identifier: Apache-2.0 */
/* What spreadsheets and programs for costs are given: each value of a row. */
#include "cli/export.h"

#include "base/clock.h"
#include "cli/csv.h"
#include "tests/tap.h"

#include <time.h>

#define ROW_COLUMNS_MAX 64

static struct settle_record attempts[2];
static struct call_detail detail;
static struct buf out;
static char cells[ROW_COLUMNS_MAX][512];
static char names[ROW_COLUMNS_MAX][512];
static size_t column_count;

static int64_t moment(int year, int month, int day, int hour, int minute, int second)
{
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second};
    return (int64_t)timegm(&tm) * NS_PER_S;
}

/* One line of quoted or plain cells. Returns what is behind it. */
static const char *split(const char *line, char to[ROW_COLUMNS_MAX][512], size_t *ret_count)
{
    size_t count = 0;
    size_t len = 0;
    bool quoted = false;
    for (; *line != '\0'; line++) {
        if (*line == '"' && quoted && line[1] == '"') {
            to[count][len++] = *line++;
        } else if (*line == '"') {
            quoted = !quoted;
        } else if (!quoted && (*line == ',' || *line == '\n')) {
            to[count++][len] = '\0';
            len = 0;
            if (*line == '\n') {
                break;
            }
        } else {
            to[count][len++] = *line;
        }
    }
    *ret_count = count;
    return *line == '\0' ? line : line + 1;
}

static const char *cell(const char *name)
{
    for (size_t i = 0; i < column_count; i++) {
        if (strcmp(names[i], name) == 0) {
            return cells[i];
        }
    }
    return "(no such column)";
}

static void expect_cell(const char *name, const char *wanted)
{
    if (strcmp(cell(name), wanted) != 0) {
        printf("# %s is %s, wanted %s\n", name, cell(name), wanted);
        tap_point_failed = true;
    }
}

static void begin(void)
{
    attempts[0] = (struct settle_record){.attempt = 1,
                                         .wall_ns = moment(2026, 11, 30, 23, 59, 30),
                                         .cost_nd = 2500000,
                                         .catalogue_nd = RECORD_NO_CATALOGUE,
                                         .basis = CHARGE_PRICE,
                                         .target = SLICE("small"),
                                         .provider = SLICE("lab"),
                                         .model = SLICE("m-1"),
                                         .usage = {.input = 10, .output = 20, .reported = true}};
    detail = (struct call_detail){.attempts = attempts, .count = 1};
    detail.row.call = (struct call_record){.wall_ns = moment(2026, 11, 30, 23, 59, 10) + 987654321,
                                           .key_id = 7,
                                           .key_name = SLICE("ci"),
                                           .route = SLICE("auto"),
                                           .tag = SLICE("nightly"),
                                           .asked_model = SLICE("auto")};
    detail.row.call.scopes[SCOPE_USER] = 3;
    detail.row.call.scopes[SCOPE_TEAM] = 4;
    detail.row.call.scopes[SCOPE_ORGANISATION] = 5;
}

static void export_as(const char *name)
{
    const struct export_format *format = export_format_find(name);
    size_t count;
    buf_clear(&out);
    format->begin(&out);
    format->put(&detail, &out);
    buf_append_char(&out, '\0');
    const char *rest = split(out.ptr, names, &column_count);
    (void)split(rest, cells, &count);
    EXPECT_INT(count, column_count);
}

/* Columns that FOCUS 1.0 and 1.1 want in every data set, with values that they allow. */
static void focus_has_what_is_mandatory(void)
{
    static const char *const rows[][2] = {
        {"BilledCost", "0.0025"},
        {"BillingAccountId", "lab"},
        {"BillingAccountName", "lab"},
        {"BillingCurrency", "USD"},
        {"BillingPeriodStart", "2026-11-01T00:00:00Z"},
        {"BillingPeriodEnd", "2026-12-01T00:00:00Z"},
        {"ChargeCategory", "Usage"},
        {"ChargeClass", ""},
        {"ChargeDescription", "10 input and 20 output tokens, ok"},
        {"ChargeFrequency", "Usage-Based"},
        {"ChargePeriodStart", "2026-11-30T23:59:10Z"},
        {"ChargePeriodEnd", "2026-11-30T23:59:31Z"},
        {"ConsumedQuantity", "30"},
        {"ConsumedUnit", "Tokens"},
        {"ContractedCost", "0.0025"},
        {"EffectiveCost", "0.0025"},
        {"InvoiceIssuerName", "lab"},
        {"ListCost", "0.0025"},
        {"PricingQuantity", "30"},
        {"PricingUnit", "Tokens"},
        {"ProviderName", "lab"},
        {"PublisherName", "lab"},
        {"ResourceId", "m-1"},
        {"ServiceCategory", "AI and Machine Learning"},
        {"ServiceName", "m-1"},
        {"ServiceSubcategory", "Generative AI"},
        {"SubAccountId", "7"},
        {"SubAccountName", "ci"},
        {"Tags", "{\"key\":\"ci\",\"user\":\"3\",\"team\":\"4\",\"organisation\":\"5\","
                 "\"tag\":\"nightly\",\"purpose\":\"answer\",\"route\":\"auto\","
                 "\"target\":\"small\",\"task\":\"other\"}"},
    };
    begin();
    detail.row.call.task = TASK_OTHER;
    export_as("focus");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        expect_cell(rows[i][0], rows[i][1]);
    }
    for (size_t i = 0; i < column_count; i++) { /* what is not of FOCUS says so */
        EXPECT((names[i][0] >= 'A' && names[i][0] <= 'Z') || strncmp(names[i], "x_", 2) == 0);
    }
}

static void a_call_is_of_the_month_in_which_it_began(void)
{
    begin();
    attempts[0].wall_ns = moment(2026, 12, 1, 0, 0, 20);
    export_as("focus");
    expect_cell("BillingPeriodStart", "2026-11-01T00:00:00Z");
    expect_cell("BillingPeriodEnd", "2026-12-01T00:00:00Z");
    expect_cell("ChargePeriodStart", "2026-11-30T23:59:10Z");
    expect_cell("ChargePeriodEnd", "2026-12-01T00:00:00Z");
    detail.row.call.wall_ns = moment(2026, 12, 31, 23, 59, 59);
    attempts[0].wall_ns = detail.row.call.wall_ns + 1000;
    export_as("focus");
    expect_cell("BillingPeriodEnd", "2027-01-01T00:00:00Z");
    expect_cell("ChargePeriodEnd", "2027-01-01T00:00:00Z");
}

static void the_list_is_the_catalogue(void)
{
    begin();
    attempts[0].basis = CHARGE_PROVIDER;
    attempts[0].catalogue_nd = 4000000;
    export_as("focus");
    expect_cell("ListCost", "0.004");
    expect_cell("BilledCost", "0.0025");
    expect_cell("EffectiveCost", "0.0025");
    attempts[0].catalogue_nd = RECORD_NO_CATALOGUE;
    export_as("focus");
    expect_cell("ListCost", "0.0025");
}

static void no_cell_is_a_formula(void)
{
    static const char *const texts[][2] = {
        {"=1+1", "'=1+1"}, {"+1", "'+1"},   {"-1", "'-1"},  {"@SUM(A1)", "'@SUM(A1)"},
        {"\tx", "'\tx"},   {"\rx", "'\rx"}, {"a=1", "a=1"}, {"\"=1", "\"=1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        begin();
        detail.row.call.asked_model = slice_from_cstr(texts[i][0]);
        detail.row.call.key_name = slice_from_cstr(texts[i][0]);
        export_as("csv");
        expect_cell("asked_model", texts[i][1]);
        export_as("focus");
        expect_cell("SubAccountName", texts[i][1]);
        EXPECT(cell("Tags")[0] == '{');
    }
}

int main(void)
{
    out = BUF_INIT(1u << 20);
    TEST(focus_has_what_is_mandatory, "FOCUS has every mandatory column, with values it allows");
    TEST(a_call_is_of_the_month_in_which_it_began, "a call is of the month in which it began");
    TEST(the_list_is_the_catalogue, "where the provider says what it charges the list is ours");
    TEST(no_cell_is_a_formula, "no cell is a formula");
    buf_release(&out);
    return tap_done();
}
