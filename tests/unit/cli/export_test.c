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

/* The 21 columns that FOCUS 1.2 wants in every data set. */
static const struct {
    const char *name;
    bool may_be_null;
} mandatory[] = {
    {"BilledCost", false},         {"BillingAccountId", false},  {"BillingAccountName", true},
    {"BillingCurrency", false},    {"BillingPeriodEnd", false},  {"BillingPeriodStart", false},
    {"ChargeCategory", false},     {"ChargeClass", true},        {"ChargeDescription", true},
    {"ChargePeriodEnd", false},    {"ChargePeriodStart", false}, {"ContractedCost", false},
    {"EffectiveCost", false},      {"InvoiceIssuerName", false}, {"ListCost", false},
    {"PricingQuantity", false},    {"PricingUnit", false},       {"ProviderName", false},
    {"PublisherName", false},      {"ServiceCategory", false},   {"ServiceName", false},
};

static bool is_decimal(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    bool point = text[digits] == '.';
    size_t more = point ? strspn(text + digits + 1, "0123456789") : 0;
    return digits > 0 && (!point || more > 0) && text[digits + (point ? more + 1 : 0)] == '\0';
}

/* Of UTC, in whole seconds. */
static bool is_time(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00Z";
    bool same = strlen(text) == strlen(form);
    for (size_t i = 0; same && i < strlen(form); i++) {
        same = form[i] == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i];
    }
    return same;
}

/* What the definitions of the columns say of their values, whatever the row is of. */
static void expect_conforming(void)
{
    static const char *const decimals[] = {"BilledCost",     "EffectiveCost",   "ListCost",
                                           "ContractedCost", "PricingQuantity", "ConsumedQuantity"};
    static const char *const times[] = {"BillingPeriodStart", "BillingPeriodEnd",
                                        "ChargePeriodStart", "ChargePeriodEnd"};
    for (size_t i = 0; i < ARRAY_LEN(mandatory); i++) {
        const char *value = cell(mandatory[i].name);
        if (value[0] == '(' || (value[0] == '\0' && !mandatory[i].may_be_null)) {
            printf("# %s is \"%s\"\n", mandatory[i].name, value);
            tap_point_failed = true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(decimals); i++) {
        EXPECT(is_decimal(cell(decimals[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        EXPECT(is_time(cell(times[i])));
    }
    /* half open, and within the billing period */
    EXPECT(strcmp(cell("ChargePeriodStart"), cell("ChargePeriodEnd")) < 0);
    EXPECT(strcmp(cell("BillingPeriodStart"), cell("ChargePeriodStart")) <= 0);
    EXPECT(strcmp(cell("ChargePeriodEnd"), cell("BillingPeriodEnd")) <= 0);
    expect_cell("BillingCurrency", "USD");
    expect_cell("ChargeCategory", "Usage");       /* of Usage, Purchase, Tax, Credit, Adjustment */
    expect_cell("ChargeClass", "");               /* or Correction */
    expect_cell("ChargeFrequency", "Usage-Based"); /* of One-Time, Recurring, Usage-Based */
    expect_cell("ServiceCategory", "AI and Machine Learning");
    expect_cell("ServiceSubcategory", "Generative AI"); /* of that category */
    bool custom = false;
    for (size_t i = 0; i < column_count; i++) { /* what is not of FOCUS says so, and comes last */
        bool ours = strncmp(names[i], "x_", 2) == 0;
        EXPECT(ours || (!custom && names[i][0] >= 'A' && names[i][0] <= 'Z'));
        EXPECT(strlen(names[i]) <= 50);
        custom |= ours;
    }
}

static void focus_has_what_is_mandatory(void)
{
    static const char *const rows[][2] = {
        {"BilledCost", "0.0025"},
        {"BillingAccountId", "lab"},
        {"BillingAccountName", "lab"},
        {"BillingPeriodStart", "2026-11-01T00:00:00Z"},
        {"BillingPeriodEnd", "2026-12-01T00:00:00Z"},
        {"ChargeDescription", "10 input and 20 output tokens, ok"},
        {"ChargePeriodStart", "2026-11-30T23:59:10Z"},
        {"ChargePeriodEnd", "2026-11-30T23:59:31Z"},
        {"ConsumedQuantity", "30"},
        {"ConsumedUnit", "Tokens"},
        {"ContractedCost", "0.0025"},
        {"EffectiveCost", "0.0025"},
        {"InvoiceId", ""},
        {"InvoiceIssuerName", "lab"},
        {"ListCost", "0.0025"},
        {"PricingQuantity", "30"},
        {"PricingUnit", "Tokens"},
        {"ProviderName", "lab"},
        {"PublisherName", "lab"},
        {"ResourceId", "m-1"},
        {"ResourceName", "m-1"},
        {"ResourceType", "Model"},
        {"ServiceName", "m-1"},
        {"SubAccountId", "7"},
        {"SubAccountName", "ci"},
        /* ours with a prefix; the user's own, which has no value, is true */
        {"Tags", "{\"sluice/key\":\"ci\",\"sluice/user\":\"3\",\"sluice/team\":\"4\","
                 "\"sluice/organisation\":\"5\",\"nightly\":true,"
                 "\"sluice/purpose\":\"answer\","
                 "\"sluice/route\":\"auto\",\"sluice/target\":\"small\","
                 "\"sluice/task\":\"other\"}"},
    };
    begin();
    detail.row.call.task = TASK_OTHER;
    export_as("focus");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        expect_cell(rows[i][0], rows[i][1]);
    }
    expect_conforming();
}

/* What a crash left behind, and what old programs wrote, has less: the columns that may not be null
 * are there all the same. */
static void focus_has_no_null_where_none_may_be(void)
{
    begin();
    attempts[0] = (struct settle_record){.attempt = 1, .catalogue_nd = RECORD_NO_CATALOGUE};
    detail.row.call = (struct call_record){.wall_ns = moment(2026, 11, 1, 0, 0, 0)};
    export_as("focus");
    expect_conforming();
    expect_cell("ProviderName", "unknown");
    expect_cell("ServiceName", "unknown");
    expect_cell("SubAccountId", "");
    expect_cell("SubAccountName", "");
    expect_cell("BilledCost", "0.00");
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
    TEST(focus_has_no_null_where_none_may_be, "no column of FOCUS is null that may not be");
    TEST(a_call_is_of_the_month_in_which_it_began, "a call is of the month in which it began");
    TEST(the_list_is_the_catalogue, "where the provider says what it charges the list is ours");
    TEST(no_cell_is_a_formula, "no cell is a formula");
    buf_release(&out);
    return tap_done();
}
