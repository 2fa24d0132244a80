/* SPDX-License-Identifier: Apache-2.0 */
/* sluice ledger: checks the ledger, copies it away and back, and writes it out for others. */
#include "store/ledger.h"
#include "store/key_seals.h"

#include "base/clock.h"
#include "cli/arguments.h"
#include "cli/export.h"
#include "cli/load.h"
#include "cli/report.h"
#include "cli/rows.h"
#include "cli/terminal.h"
#include "codec/json_write.h"
#include "store/audit.h"
#include "store/key_seals.h"
#include "store/ledger_books.h"
#include "store/ledger_copy.h"

#define EXPORT_ARENA (32u << 20)

static int say_ledger_error(const char *command, const struct error *error)
{
    say("sluice %s: %s", command, error->text);
    return EXIT_CODE_FAILED;
}

/* Every command here begins so. False: *ret_code is how it ends, with --help as well as it can.
 * True: `path` is the ledger's. */
static bool begin(const struct command *command, int argc, char **argv, struct arguments *arguments,
                  char path[LOAD_PATH_SIZE], int *ret_code)
{
    if (!arguments_begin(command, argc, argv, arguments, ret_code)) {
        return false;
    }
    *ret_code = load_ledger_path(command->name, arguments_value(arguments, "config"), path);
    return *ret_code == EXIT_CODE_OK;
}

static const char *const scope_words[SCOPE_KINDS] = {
    [SCOPE_KEY] = "key",
    [SCOPE_USER] = "user",
    [SCOPE_TEAM] = "team",
    [SCOPE_ORGANISATION] = "organisation",
};

static size_t excess_count(const struct ledger_books *books)
{
    return books->exceeded < BOOKS_EXCESSES_MAX ? (size_t)books->exceeded : BOOKS_EXCESSES_MAX;
}

static void say_caps(const struct ledger_books *books)
{
    say("Hard caps that %s: %llu, at %llu holds; attempts that cost more than was held: %llu.",
        books->exceeded == 0 ? "were never exceeded" : "were kept at each hold",
        (unsigned long long)books->caps, (unsigned long long)books->holds,
        (unsigned long long)books->overruns);
    for (size_t i = 0; i < excess_count(books); i++) {
        const struct ledger_excess *excess = &books->excesses[i];
        char over[MONEY_TEXT_MAX];
        char amount[MONEY_TEXT_MAX];
        char time[CLOCK_TEXT_SIZE];
        say("Exceeded: the cap of %s %lld%s%s, per %s, of $%.*s, by $%.*s at %s: its provider "
            "charged more than was held.",
            scope_words[excess->kind], (long long)excess->scope,
            excess->model[0] != '\0' ? " for " : "", excess->model, excess->per,
            (int)money_put(excess->amount_nd, amount), amount,
            (int)money_put(excess->over_nd, over), over, clock_format(excess->at_ns, time));
    }
    if (books->exceeded > BOOKS_EXCESSES_MAX) {
        say("And %llu more.", (unsigned long long)(books->exceeded - BOOKS_EXCESSES_MAX));
    }
}

static void write_excesses(struct json_writer *w, const struct ledger_books *books)
{
    json_member_int(w, SLICE("caps_exceeded"), (int64_t)books->exceeded);
    json_key(w, SLICE("exceeded"));
    json_begin_array(w);
    for (size_t i = 0; i < excess_count(books); i++) {
        const struct ledger_excess *excess = &books->excesses[i];
        char time[CLOCK_TEXT_SIZE];
        json_begin_object(w);
        json_member_string(w, SLICE("scope"), slice_from_cstr(scope_words[excess->kind]));
        json_member_int(w, SLICE("id"), excess->scope);
        if (excess->model[0] != '\0') {
            json_member_string(w, SLICE("model"), slice_from_cstr(excess->model));
        }
        json_member_string(w, SLICE("per"), slice_from_cstr(excess->per));
        json_member_int(w, SLICE("cap_nd"), excess->amount_nd);
        json_member_int(w, SLICE("over_nd"), excess->over_nd);
        json_member_string(w, SLICE("at"), slice_from_cstr(clock_format(excess->at_ns, time)));
        json_member_string(w, SLICE("why"), SLICE("overrun"));
        json_end_object(w);
    }
    json_end_array(w);
}

static int print_sound(const struct arguments *arguments, const char *file,
                       const struct ledger_books *books)
{
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    struct json_writer w;
    if (!arguments_given(arguments, "json")) {
        say("The ledger is sound: every call is the sum of its attempts, every report the sum of "
            "its calls, what keys were charged is what providers are owed.");
        if (books->caps > 0) {
            say_caps(books);
        }
        if (books->untold > 0) {
            say("Of these, caps of which the audit log has an act that cannot be read: %llu. They "
                "are played as they are now.",
                (unsigned long long)books->untold);
        }
        return EXIT_CODE_OK;
    }
    json_writer_init(&w, &out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("sound"), slice_from_cstr(file));
    json_member_int(&w, SLICE("charged_nd"), books->charged_nd);
    json_member_int(&w, SLICE("owed_nd"), books->owed_nd);
    json_member_int(&w, SLICE("held_nd"), books->held_nd);
    json_member_int(&w, SLICE("caps"), (int64_t)books->caps);
    json_member_int(&w, SLICE("caps_untold"), (int64_t)books->untold);
    json_member_int(&w, SLICE("holds"), (int64_t)books->holds);
    json_member_int(&w, SLICE("overruns"), (int64_t)books->overruns);
    write_excesses(&w, books);
    json_end_object(&w);
    buf_append_char(&out, '\n');
    return print_data(&out);
}

static int ledger_verify_run(int argc, char **argv)
{
    struct arguments arguments;
    struct error error;
    char path[LOAD_PATH_SIZE];
    int code;
    if (!begin(&ledger_verify_command, argc, argv, &arguments, path, &code)) {
        return code;
    }
    const char *file = arguments.word_count > 0 ? arguments.words[0] : path;
    struct ledger_books books;
    struct audit_head head;
    if (!ledger_verify(file, &error) || !ledger_books_check(file, &books, &error) ||
        !audit_verify(file, SLICE_EMPTY, &head, &error) || !key_seals_verify(file, &error)) {
        return say_ledger_error("ledger verify", &error);
    }
    return print_sound(&arguments, file, &books);
}

static int ledger_backup_run(int argc, char **argv)
{
    struct arguments arguments;
    struct error error;
    char path[LOAD_PATH_SIZE];
    int code;
    if (!begin(&ledger_backup_command, argc, argv, &arguments, path, &code)) {
        return code;
    }
    if (!ledger_backup(path, arguments.words[0], &error)) {
        return say_ledger_error("ledger backup", &error);
    }
    return print_done(&arguments, SLICE("backup"), arguments.words[0],
                      "The copy is made and checked.");
}

static int ledger_restore_run(int argc, char **argv)
{
    struct arguments arguments;
    struct error error;
    char path[LOAD_PATH_SIZE];
    char aside[LEDGER_ASIDE_SIZE];
    int code;
    if (!begin(&ledger_restore_command, argc, argv, &arguments, path, &code)) {
        return code;
    }
    if (!ledger_restore(path, arguments.words[0], clock_wall(&clock_system), aside, &error)) {
        return say_ledger_error("ledger restore", &error);
    }
    if (aside[0] != '\0') {
        say("What was there is now %s.", aside);
    }
    return print_done(&arguments, SLICE("restored"), path, "The backup is in its place.");
}

/* --- export ----------------------------------------------------------------------------------- */

struct range {
    int64_t since_s;
    int64_t until_s; /* 0: the end */
};

static bool parse_range(const struct arguments *arguments, struct range *range)
{
    int64_t now_s = clock_wall(&clock_system) / NS_PER_S;
    const char *since = arguments_value(arguments, "since");
    const char *until = arguments_value(arguments, "until");
    range->until_s = 0;
    return report_parse_since(since != NULL ? since : "all", now_s, &range->since_s) &&
           (until == NULL || report_parse_since(until, now_s, &range->until_s));
}

/* Page by page, so that neither memory nor a writer waits for a slow reader of the output. */
static int export_pages(const char *path, const struct export_format *format,
                        const struct range *range)
{
    struct detail_page page = {.last = report_id_at(range->since_s * NS_PER_S)};
    struct id before = report_id_at(range->until_s * NS_PER_S);
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    struct arena arena;
    struct error error;
    int code = EXIT_CODE_OK;
    if (range->until_s == 0) {
        memset(&before, 0xFF, sizeof(before));
    }
    if (format->begin != NULL) {
        format->begin(&out);
    }
    arena_init(&arena, EXPORT_ARENA);
    do {
        arena_reset(&arena);
        if (!report_details(path, page.last, before, REPORT_CALLS_MAX, &arena, &page, &error)) {
            code = say_ledger_error("ledger export", &error);
            break;
        }
        for (size_t i = 0; i < page.count; i++) {
            format->put(&page.rows[i], &out);
        }
        code = print_data(&out);
        out = BUF_INIT(DATA_BYTES_MAX);
    } while (page.more && code == EXIT_CODE_OK);
    buf_release(&out);
    arena_release(&arena);
    return code;
}

static int ledger_export_run(int argc, char **argv)
{
    struct arguments arguments;
    struct range range;
    char path[LOAD_PATH_SIZE];
    int code;
    if (!begin(&ledger_export_command, argc, argv, &arguments, path, &code)) {
        return code;
    }
    const char *name = arguments_value(&arguments, "format");
    const struct export_format *format = export_format_find(name != NULL ? name : "csv");
    if (format == NULL) {
        return arguments_refuse(&arguments, "--format %s is not known", name);
    }
    if (!parse_range(&arguments, &range)) {
        return arguments_refuse(&arguments, "--since and --until are 12h, 7d, 4w, a day such as "
                                            "2026-11-21, or all");
    }
    return export_pages(path, format, &range);
}

static const struct argument plain_arguments[] = {ARGUMENT_CONFIG, ARGUMENT_JSON};

static const struct argument export_arguments[] = {
    ARGUMENT_CONFIG,
    {.name = "format",
     .value = "FORMAT",
     .choices = "csv|jsonl|focus",
     .help = "csv (default): a line a call"},
    {.name = "since", .value = "WHEN", .help = "12h, 7d, 4w, 2026-11-21 or all (the default)"},
    {.name = "until", .value = "WHEN", .help = "likewise; default: now"},
};

const struct command ledger_verify_command = {
    .name = "ledger verify",
    .summary = "check that the ledger's sums hold",
    .example = "sluice ledger verify\nsluice ledger verify backup.db\n",
    .details =
        "A running server may go on meanwhile. Exit code 0 also where a cap was exceeded because\n"
        "a provider charged more than could be held: the books are sound, and those caps are "
        "named.",
    .arguments = plain_arguments,
    .argument_count = ARRAY_LEN(plain_arguments),
    .words = "[FILE]",
    .words_max = 1,
    .run = ledger_verify_run,
};

const struct command ledger_backup_command = {
    .name = "ledger backup",
    .summary = "copy the ledger to a file, as of one moment, and check the copy",
    .example = "sluice ledger backup sluice-2026-11-21.db\n",
    .details =
        "A running server may go on meanwhile; what it has taken in within the last fifth of\n"
        "a second is not in the copy. Keys are in it as digests, as in the ledger.",
    .arguments = plain_arguments,
    .argument_count = ARRAY_LEN(plain_arguments),
    .words = "FILE",
    .words_min = 1,
    .words_max = 1,
    .run = ledger_backup_run,
};

const struct command ledger_restore_command = {
    .name = "ledger restore",
    .summary = "put a backup in the ledger's place",
    .example = "sluice ledger restore sluice-2026-11-21.db\n",
    .details =
        "Stop the server first. What is there now is set aside, not deleted. What was spent\n"
        "since the backup is then unknown to caps and reports, and keys are as they were: a\n"
        "key that was revoked since is in force again.",
    .arguments = plain_arguments,
    .argument_count = ARRAY_LEN(plain_arguments),
    .words = "FILE",
    .words_min = 1,
    .words_max = 1,
    .run = ledger_restore_run,
};

const struct command ledger_export_command = {
    .name = "ledger export",
    .summary = "write out calls for spreadsheets and other programs",
    .example = "sluice ledger export --since 30d >calls.csv\n"
               "sluice ledger export --format focus --since 2026-11-01 --until 2026-12-01\n",
    .details =
        "focus: columns of the FinOps Open Cost and Usage Specification 1.2, one line for each\n"
        "attempt; the provider's name stands for its billing account. A call belongs to the month\n"
        "(UTC) in which it began. Users, teams and organisations are in the tags by number.",
    .arguments = export_arguments,
    .argument_count = ARRAY_LEN(export_arguments),
    .run = ledger_export_run,
};
