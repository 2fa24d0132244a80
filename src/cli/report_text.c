/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report.h"

#include "cli/csv.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "model/price.h"

#include <stdio.h>
#include <time.h>

static const char *const titles[REPORT_BYS] = {
    [REPORT_DAY] = "DAY",           [REPORT_MODEL] = "MODEL",
    [REPORT_TASK] = "TASK",         [REPORT_KEY] = "KEY",
    [REPORT_PROVIDER] = "PROVIDER", [REPORT_TARGET] = "TARGET",
    [REPORT_ROUTE] = "ROUTE",       [REPORT_USER] = "USER",
    [REPORT_TEAM] = "TEAM",         [REPORT_ORGANISATION] = "ORGANISATION",
    [REPORT_TAG] = "TAG",
};

static int64_t saved_of(const struct report_row *row)
{
    return row->baseline_nd - row->cost_nd; /* both are sums of amounts >= 0 */
}

/* Per mille without floating point that could overflow: amounts are shortened first. */
static void put_share(struct table *table, const struct report_row *row)
{
    int64_t whole = row->baseline_nd;
    int64_t part = saved_of(row);
    if (whole <= 0) {
        table_cstr(table, "-");
        return;
    }
    while (whole > INT64_MAX / 4000 || part < INT64_MIN / 4000) {
        whole /= 10;
        part /= 10;
    }
    int64_t permille = (part * 2000 + (part < 0 ? -whole : whole)) / (2 * whole);
    int64_t shown = permille < 0 ? -permille : permille;
    table_printf(table, "%s%lld.%lld %%", permille < 0 ? "-" : "", (long long)(shown / 10),
                 (long long)(shown % 10));
}

static void put_row(struct table *table, const char *name, const struct report_row *row)
{
    table_cstr(table, name);
    table_count(table, row->calls);
    table_count(table, row->failed);
    table_count(table, row->input_tokens);
    table_count(table, row->output_tokens);
    table_usd(table, row->cost_nd);
    table_usd(table, row->baseline_nd);
    table_usd(table, saved_of(row));
    put_share(table, row);
}

static void put_part(struct buf *out, const char *what, int64_t nd)
{
    if (nd != 0) {
        buf_append_cstr(out, what);
        put_usd(out, nd);
    }
}

/* Only where something was spent besides answers: else what is saved is saved. */
static void put_net(const struct report_row *total, struct buf *out)
{
    int64_t answers_nd = report_answers_nd(total);
    if (answers_nd != total->cost_nd) {
        buf_append_cstr(out, "Saved is net: ");
        put_usd(out, total->baseline_nd - answers_nd);
        buf_append_cstr(out, " by answers");
        put_part(out, ", less failed attempts ", total->failed_nd);
        put_part(out, ", less classifiers and judges ", total->judge_nd);
        put_part(out, ", less shadow calls ", total->shadow_nd);
        put_part(out, ", less answers that were too poor ", total->escalation_nd);
        buf_append_cstr(out, ".\n");
    }
    if (total->told_nd != total->catalogue_nd) {
        buf_append_cstr(out, "Providers that report their charge took ");
        put_usd(out, total->told_nd);
        buf_append_cstr(out, ", by their prices it would have been ");
        put_usd(out, total->catalogue_nd);
        buf_append_cstr(out, ".\n");
    }
}

void report_write_text(const struct report *report, enum report_by by, struct buf *out)
{
    const struct table_column columns[] = {
        {titles[by], false}, {"CALLS", true},      {"FAILED", true},
        {"TOKENS IN", true}, {"TOKENS OUT", true}, {"SPEND", true},
        {"BASELINE", true},  {"SAVED", true},      {"SAVED %", true},
    };
    struct table table;
    table_init(&table, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < report->count; i++) {
        put_row(&table, report->rows[i].name, &report->rows[i]);
    }
    put_row(&table, "total", &report->total);
    table_write(&table, 0, out);
    table_release(&table);
    put_net(&report->total, out);
    if (report->total.estimated > 0) {
        put_count(out, report->total.estimated);
        buf_append_cstr(out, report->total.estimated == 1
                                 ? " call without usage from the provider is an estimate.\n"
                                 : " calls without usage from the provider are estimates.\n");
    }
}

static void put_csv_row(const struct report_row *row, struct buf *out)
{
    put_csv(out, slice_from_cstr(row->name));
    buf_printf(out, ",%lld,%lld,%lld,%lld,", (long long)row->calls, (long long)row->failed,
               (long long)row->input_tokens, (long long)row->output_tokens);
    money_format(out, row->cost_nd);
    buf_append_char(out, ',');
    money_format(out, row->baseline_nd);
    buf_append_char(out, ',');
    money_format(out, saved_of(row));
    buf_printf(out, ",%lld\n", (long long)row->estimated);
}

void report_write_csv(const struct report *report, enum report_by by, struct buf *out)
{
    buf_printf(out,
               "%s,calls,failed,input_tokens,output_tokens,cost_usd,baseline_usd,saved_usd,"
               "estimated\n",
               report_by_name(by));
    for (size_t i = 0; i < report->count; i++) {
        put_csv_row(&report->rows[i], out);
    }
}

bool report_parse_since(const char *text, int64_t now_s, int64_t *ret_since_s)
{
    int64_t age;
    int year;
    int month;
    int day;
    char rest;
    if (strcmp(text, "all") == 0) {
        *ret_since_s = 0;
        return true;
    }
    if (parse_days(text, &age)) {
        *ret_since_s = now_s > age ? now_s - age : 0;
        return true;
    }
    if (sscanf(text, "%4d-%2d-%2d%c", &year, &month, &day, &rest) != 3 || year < 1970 ||
        month < 1 || month > 12 || day < 1 || day > 31) {
        return false;
    }
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    *ret_since_s = (int64_t)timegm(&tm);
    return true;
}
