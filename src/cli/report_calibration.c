/* SPDX-License-Identifier: Apache-2.0 */
/* sluice report --calibration: how well forecasts were, for people. */
#include "cli/report.h"

#include "cli/table.h"

/* As a percentage; `sign`: a bias, with its sign. */
static void put_percent(struct table *table, int64_t permille, bool sign)
{
    if (permille == CALIBRATION_UNKNOWN) {
        table_cstr(table, "-");
        return;
    }
    long long shown = permille < 0 ? -permille : permille;
    table_printf(table, "%s%lld.%lld %%",
                 permille < 0 ? "-"
                 : sign       ? "+"
                              : "",
                 shown / 10, shown % 10);
}

static void put_row(struct table *table, const char *target, const char *task,
                    const struct calibration_row *row)
{
    table_cstr(table, target);
    table_cstr(table, task);
    table_count(table, row->attempts);
    put_percent(table, row->output_error, false);
    put_percent(table, row->output_bias, true);
    put_percent(table,
                row->attempts == 0 ? CALIBRATION_UNKNOWN : row->within * 1000 / row->attempts,
                false);
    put_percent(table, row->input_bias, true);
    put_percent(table, row->cost_error, false);
    put_percent(table, row->cost_bias, true);
    put_percent(table, row->latency_error, false);
}

void report_write_calibration(const struct calibration *report, struct buf *out)
{
    static const struct table_column columns[] = {
        {"TARGET", false},       {"TASK", false},       {"ATTEMPTS", true},
        {"OUTPUT ERROR", true},  {"OUTPUT BIAS", true}, {"WITHIN P90", true},
        {"INPUT BIAS", true},    {"COST ERROR", true},  {"COST BIAS", true},
        {"LATENCY ERROR", true},
    };
    if (report->count == 0) {
        buf_append_cstr(out, "No attempt with a forecast and reported usage in this time.\n");
        return;
    }
    struct table table;
    table_init(&table, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < report->count; i++) {
        const struct calibration_row *row = &report->rows[i];
        bool whole = row->task[0] == '\0';
        put_row(&table, whole ? row->target : "", whole ? "(all)" : row->task, row);
    }
    put_row(&table, "TOTAL", "", &report->total);
    table_write(&table, 0, out);
    table_release(&table);
    buf_append_cstr(out,
                    "Errors are medians of the difference to what was expected; a bias above 0 "
                    "expects too much.\n");
}
