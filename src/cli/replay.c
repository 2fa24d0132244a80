/* SPDX-License-Identifier: Apache-2.0 */
/* sluice replay: what another policy would have cost. */
#include "cli/replay.h"

#include "base/clock.h"
#include "cli/arguments.h"
#include "cli/load.h"
#include "cli/report.h"
#include "cli/rows.h"
#include "cli/terminal.h"

#include <errno.h>
#include <time.h>

#define ROW_MAX ((size_t)1 << 20)

void replay_take(struct replay *replay, const struct replay_call *call)
{
    replay_tally_add(&replay->tally, call);
    if (replay->rows != NULL) {
        buf_clear(&replay->row);
        replay_write_row(call, &replay->row);
        fwrite(replay->row.ptr, 1, replay->row.len, replay->rows);
    }
}

/* --- the two policies --- */

static int load_policy(const char *file, struct loaded *ret_loaded)
{
    const struct load_request request = {.command = "replay", .file = file, .generation = 1};
    return load_configuration(&request, ret_loaded);
}

/* "2026-11-23T09:30" of this machine's zone, as rules by the hour are. */
static bool parse_time(const char *text, int64_t *ret_wall_ns)
{
    struct tm tm = {.tm_isdst = -1};
    char rest;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d%c", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &rest) != 5 ||
        tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59) {
        return false;
    }
    tm.tm_year -= 1900;
    tm.tm_mon--;
    time_t seconds = mktime(&tm);
    *ret_wall_ns = (int64_t)seconds * NS_PER_S;
    return seconds != (time_t)-1;
}

void replay_write_time(const struct replay *replay, char text[REPLAY_TIME_SIZE])
{
    time_t seconds = (time_t)(replay->wall_ns / NS_PER_S);
    struct tm tm;
    if (localtime_r(&seconds, &tm) == NULL ||
        strftime(text, REPLAY_TIME_SIZE, "%Y-%m-%dT%H:%M", &tm) == 0) {
        text[0] = '\0';
    }
}

static int replay_file(const struct arguments *arguments, struct replay *replay)
{
    const char *at = arguments_value(arguments, "at");
    replay->wall_ns = clock_wall(&clock_system);
    if (at != NULL && !parse_time(at, &replay->wall_ns)) {
        return arguments_refuse(arguments, "--at is a time such as 2026-11-23T09:30");
    }
    const char *config = arguments_value(arguments, "config");
    struct loaded present = {.snapshot = NULL};
    struct error error;
    int code = config == NULL ? EXIT_CODE_OK : load_policy(config, &present);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    replay->present = present.snapshot;
    replay->source = arguments->words[0];
    replay->baseline_only = config == NULL;
    if (!replay_workload(replay, replay->source, &error)) {
        code = say_error("replay", &error);
    }
    replay->present = NULL;
    if (config != NULL) {
        loaded_release(&present);
    }
    return code;
}

static int replay_calls(const struct arguments *arguments, struct replay *replay,
                        char path[LOAD_PATH_SIZE])
{
    const char *since = arguments_value(arguments, "since");
    struct error error;
    int64_t since_s;
    if (!report_parse_since(since != NULL ? since : "all", clock_wall(&clock_system) / NS_PER_S,
                            &since_s)) {
        return arguments_refuse(arguments, "--since is 12h, 7d, 4w, a day such as 2026-11-21, or "
                                           "all");
    }
    int code = load_ledger_path("replay", arguments_value(arguments, "config"), path);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    char file[LOAD_PATH_SIZE];
    struct loaded present = {.snapshot = NULL};
    bool found = load_find_file(arguments_value(arguments, "config"), file);
    code = found ? load_policy(file, &present) : EXIT_CODE_OK;
    if (code != EXIT_CODE_OK) {
        return code;
    }
    replay->source = path;
    replay->present = present.snapshot;
    code = replay_ledger(replay, path, since_s, &error) ? EXIT_CODE_OK
                                                        : say_error("replay", &error);
    replay->present = NULL;
    if (found) {
        loaded_release(&present);
    }
    return code;
}

/* --- the command --- */

static bool open_rows(const struct arguments *arguments, struct replay *replay)
{
    const char *path = arguments_value(arguments, "rows");
    if (path == NULL) {
        return true;
    }
    replay->rows = fopen(path, "wbe");
    if (replay->rows == NULL) {
        say("sluice replay: cannot write %s: %s", path, strerror(errno));
    }
    return replay->rows != NULL;
}

static bool close_rows(struct replay *replay)
{
    if (replay->rows == NULL) {
        return true;
    }
    bool failed = ferror(replay->rows) != 0;
    failed |= fclose(replay->rows) != 0;
    if (failed) {
        say("sluice replay: the rows could not be written");
    }
    return !failed;
}

static int print_replay(const struct arguments *arguments, struct replay *replay)
{
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    if (arguments_given(arguments, "json")) {
        replay_write_json(replay, &out);
    } else {
        replay_write_text(replay, &out);
    }
    return print_data(&out);
}

static int replay_with(const struct arguments *arguments, struct snapshot *policy)
{
    struct replay replay = {.policy = policy, .route = arguments_value(arguments, "route")};
    char path[LOAD_PATH_SIZE];
    int64_t began_ns = clock_monotonic(&clock_system);
    if (!open_rows(arguments, &replay)) {
        return EXIT_CODE_FAILED;
    }
    replay_tally_init(&replay.tally);
    buf_init(&replay.row, ROW_MAX);
    int code = arguments->word_count > 0 ? replay_file(arguments, &replay)
                                         : replay_calls(arguments, &replay, path);
    replay.seconds = (double)(clock_monotonic(&clock_system) - began_ns) / 1e9;
    if (!close_rows(&replay) && code == EXIT_CODE_OK) {
        code = EXIT_CODE_FAILED;
    }
    if (code == EXIT_CODE_OK) {
        code = print_replay(arguments, &replay);
    }
    buf_release(&replay.row);
    replay_tally_release(&replay.tally);
    return code;
}

static int replay_run(int argc, char **argv)
{
    struct arguments arguments;
    struct loaded policy;
    int code;
    if (!arguments_begin(&replay_command, argc, argv, &arguments, &code)) {
        return code;
    }
    const char *file = arguments_value(&arguments, "policy");
    if (file == NULL) {
        return arguments_refuse(&arguments, "--policy FILE is missing: the configuration to try");
    }
    if (arguments.word_count > 0 &&
        (arguments_given(&arguments, "since") || arguments_given(&arguments, "route"))) {
        return arguments_refuse(&arguments, "--since and --route are about recorded calls");
    }
    if (arguments.word_count == 0 && arguments_given(&arguments, "at")) {
        return arguments_refuse(&arguments,
                                "--at is about a workload: a recorded call has its time");
    }
    code = load_policy(file, &policy);
    if (code == EXIT_CODE_OK) {
        code = replay_with(&arguments, policy.snapshot);
        loaded_release(&policy);
    }
    return code;
}

static const struct argument replay_arguments[] = {
    {.name = "policy", .letter = 'p', .value = "FILE", .help = "configuration to try"},
    ARGUMENT_CONFIG,
    {.name = "since", .value = "WHEN", .help = "recorded calls since 12h, 7d, 2026-11-21 (all)"},
    {.name = "at", .value = "TIME", .help = "when a workload is asked: 2026-11-23T09:30 (now)"},
    {.name = "route", .value = "ROUTE", .help = "take this route for all of them"},
    {.name = "rows", .value = "OUT", .help = "write what becomes of each call, as JSON lines"},
    ARGUMENT_JSON,
};

const struct command replay_command = {
    .name = "replay",
    .summary = "what another policy would have cost",
    .example = "sluice replay --policy new.yaml\n"
               "sluice replay --policy new.yaml --since 7d --rows changes.jsonl\n"
               "sluice replay --policy new.yaml -c sluice.yaml workload.jsonl\n",
    .details = "Replays the calls of the ledger, or the requests of a workload (JSON lines with a\n"
               "prompt or a request's body), through the routes of another configuration.\n"
               "Nothing is sent.",
    .arguments = replay_arguments,
    .argument_count = ARRAY_LEN(replay_arguments),
    .words = "[WORKLOAD]",
    .words_max = 1,
    .run = replay_run,
};
