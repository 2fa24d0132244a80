/* SPDX-License-Identifier: Apache-2.0 */
/* sluice report: what calls cost and saved, from the ledger. */
#include "cli/report.h"

#include "base/clock.h"
#include "cli/arguments.h"
#include "cli/cluster_link.h"
#include "cli/load.h"
#include "cli/rows.h"
#include "cli/terminal.h"
#include "gateway/calibration_json.h"
#include "gateway/rows_json.h"

#include <unistd.h>

#define EXPLAIN_ARENA (16u << 20)

static int say_report_error(const struct error *error, const char *path)
{
    if (error->kind == ERROR_NOT_FOUND) {
        say("sluice report: there is no ledger at %s yet: it begins with the first start of sluice",
            path);
        return EXIT_CODE_FAILED;
    }
    return say_error("report", error);
}

static int print_report(const struct arguments *arguments, const struct report *report,
                        enum report_by by, int64_t since_s, const char *nodes)
{
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    if (arguments_given(arguments, "json")) {
        json_write_report(report, by, since_s, nodes, &out);
        buf_append_char(&out, '\n');
    } else if (arguments_given(arguments, "csv")) {
        report_write_csv(report, by, &out);
    } else {
        report_write_text(report, by, &out);
    }
    return print_data(&out);
}

static int print_call(const struct arguments *arguments, const struct call_detail *detail)
{
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    if (arguments_given(arguments, "json")) {
        json_write_call(detail, &out);
        buf_append_char(&out, '\n');
    } else {
        report_explain_call(detail, &out);
    }
    return print_data(&out);
}

/* What this node does not have another one may have served. */
static bool find_call(const struct ledger_place *place, struct id id, struct arena *arena,
                      struct call_detail *ret_detail, struct error *error)
{
    struct cluster_link link;
    if (report_call(place->path, id, arena, ret_detail, error)) {
        return true;
    }
    if (error->kind != ERROR_NOT_FOUND || place->postgres == NULL ||
        access(place->path, R_OK) != 0 || !cluster_link_open(&link, place, error)) {
        return false;
    }
    bool found = cluster_report_call(link.reports, 0, id, arena, ret_detail, error);
    cluster_link_close(&link);
    return found;
}

static int explain_call(const struct arguments *arguments, const char *text)
{
    struct call_detail detail;
    struct ledger_place place;
    struct arena arena;
    struct error error;
    struct id id;
    if (!id_parse(slice_from_cstr(text), &id)) {
        return arguments_refuse(arguments, "--explain wants a call's id, as in x-sluice-call-id");
    }
    if (arguments_given(arguments, "csv") || arguments_given(arguments, "by") ||
        arguments_given(arguments, "since")) {
        return arguments_refuse(arguments, "--explain is about one call: no --by, --since, --csv");
    }
    int code = load_ledger_place("report", arguments_value(arguments, "config"), &place);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    arena_init(&arena, EXPLAIN_ARENA);
    code = find_call(&place, id, &arena, &detail, &error) ? print_call(arguments, &detail)
                                                          : say_report_error(&error, place.path);
    arena_release(&arena);
    ledger_place_release(&place);
    return code;
}

/* Of the whole cluster where there is one and PostgreSQL answers. *ret_nodes: see rows_json.h. */
static bool make_report(const struct ledger_place *place, enum report_by by, int64_t since_s,
                        struct report *ret_report, const char **ret_nodes, struct error *error)
{
    struct cluster_link link;
    *ret_nodes = NULL;
    if (place->postgres == NULL || access(place->path, R_OK) != 0) {
        return report_make(place->path, by, since_s, 0, ret_report, error);
    }
    *ret_nodes = "all";
    bool open = cluster_link_open(&link, place, error);
    bool done = open && cluster_report_make(link.reports, 0, by, since_s, 0, ret_report, error);
    if (open) {
        cluster_link_close(&link);
    }
    if (done) {
        return true;
    }
    say("sluice report: only this node's calls: %s", error->text);
    *ret_nodes = "this";
    return report_make(place->path, by, since_s, 0, ret_report, error);
}

/* Of this node: what others expected is theirs. */
static int show_calibration(const struct arguments *arguments, int64_t since_s)
{
    struct calibration report;
    struct ledger_place place;
    struct error error;
    if (arguments_given(arguments, "by") || arguments_given(arguments, "csv")) {
        return arguments_refuse(arguments, "--calibration has rows of its own: no --by, no --csv");
    }
    int code = load_ledger_place("report", arguments_value(arguments, "config"), &place);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (!calibration_make(place.path, since_s, &report, &error)) {
        code = say_report_error(&error, place.path);
        ledger_place_release(&place);
        return code;
    }
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    if (arguments_given(arguments, "json")) {
        json_write_calibration(&report, since_s, &out);
        buf_append_char(&out, '\n');
    } else {
        report_write_calibration(&report, &out);
    }
    calibration_release(&report);
    ledger_place_release(&place);
    return print_data(&out);
}

static int report_run(int argc, char **argv)
{
    struct arguments arguments;
    struct report report;
    struct error error;
    struct ledger_place place;
    const char *nodes;
    int64_t since_s;
    enum report_by by = REPORT_DAY;
    int code;
    if (!arguments_begin(&report_command, argc, argv, &arguments, &code)) {
        return code;
    }
    const char *call = arguments_value(&arguments, "explain");
    if (call != NULL) {
        return explain_call(&arguments, call);
    }
    const char *since = arguments_value(&arguments, "since");
    const char *by_name = arguments_value(&arguments, "by");
    if (by_name != NULL && !report_by_from_name(slice_from_cstr(by_name), &by)) {
        return arguments_refuse(&arguments, "--by %s is not known", by_name);
    }
    if (!report_parse_since(since != NULL ? since : "7d", clock_wall(&clock_system) / NS_PER_S,
                            &since_s)) {
        return arguments_refuse(&arguments,
                                "--since is 12h, 7d, 4w, a day such as 2026-11-21, or all");
    }
    if (arguments_given(&arguments, "calibration")) {
        return show_calibration(&arguments, since_s);
    }
    if (arguments_given(&arguments, "json") && arguments_given(&arguments, "csv")) {
        return arguments_refuse(&arguments, "--json and --csv exclude each other");
    }
    code = load_ledger_place("report", arguments_value(&arguments, "config"), &place);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    bool made = make_report(&place, by, since_s, &report, &nodes, &error);
    ledger_place_release(&place);
    if (!made) {
        return say_report_error(&error, place.path);
    }
    code = print_report(&arguments, &report, by, since_s, nodes);
    report_release(&report);
    return code;
}

static const struct argument report_arguments[] = {
    ARGUMENT_CONFIG,
    ARGUMENT_JSON,
    {.name = "csv", .help = "print comma-separated values"},
    {.name = "since", .value = "WHEN", .help = "12h, 7d (the default), 4w, 2026-11-21 or all"},
    {.name = "by",
     .value = "WHAT",
     .choices = "day|model|task|key|provider|target|route|user|team|organisation|tag",
     .help = "a row per"},
    {.name = "explain", .value = "CALL", .help = "the arithmetic of one call, by its id"},
    {.name = "calibration", .help = "how well output, cost and latency were predicted"},
};

const struct command report_command = {
    .name = "report",
    .summary = "show spend, and savings against the baseline",
    .example = "sluice report\nsluice report --by model --since 30d\nsluice report --by key --csv\n"
               "sluice report --calibration --since 30d\n"
               "sluice report --explain 019a1f2e-6a3b-7c11-9d42-5b1f0c9e7a10\n",
    .details =
        "The baseline is what the same tokens would have cost at the route's baseline target.",
    .arguments = report_arguments,
    .argument_count = ARRAY_LEN(report_arguments),
    .run = report_run,
};
