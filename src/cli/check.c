/* SPDX-License-Identifier: Apache-2.0 */
/* sluice check: everything that is wrong with a configuration, in one pass. */
#include "cli/arguments.h"
#include "cli/load.h"
#include "cli/rows.h"
#include "cli/terminal.h"

#include <unistd.h>

static void put_counted(struct buf *out, size_t count, const char *what)
{
    buf_printf(out, "%zu %s%s", count, what, count == 1 ? "" : "s");
}

static void put_summary(const struct snapshot *snapshot, const struct diagnostics *diagnostics,
                        const char *file, struct buf *out)
{
    size_t warnings =
        diagnostics->count -
        (diagnostics->errors < diagnostics->count ? diagnostics->errors : diagnostics->count);
    buf_printf(out, "%s: ", file);
    if (snapshot != NULL) {
        buf_append_cstr(out, "ok: ");
        put_counted(out, snapshot->provider_count, "provider");
        buf_append_cstr(out, ", ");
        put_counted(out, snapshot->named_targets, "target");
        buf_append_cstr(out, ", ");
        put_counted(out, snapshot->policy.route_count, "route");
    } else {
        put_counted(out, diagnostics->errors, "error");
    }
    if (warnings > 0) {
        buf_append_cstr(out, ", ");
        put_counted(out, warnings, "warning");
    }
    buf_append_char(out, '\n');
}

static int check_file(const struct arguments *arguments, const char *file)
{
    struct dotenv *dotenv;
    struct diagnostics diagnostics;
    struct buf text;
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    const struct config_options options = {
        .file = file,
        .environment = load_environment(&dotenv),
        .wall_s = clock_wall(&clock_system) / NS_PER_S,
        .generation = 1,
    };
    struct snapshot *snapshot = config_load_file(&options, &text, &diagnostics);
    if (arguments_given(arguments, "json")) {
        diagnostics_write_json(&diagnostics, file, &out);
        buf_append_char(&out, '\n');
    } else {
        diagnostics_write_text(&diagnostics, file, buf_slice(&text), wants_colour(STDOUT_FILENO),
                               &out);
        put_summary(snapshot, &diagnostics, file, &out);
    }
    int code = snapshot != NULL ? EXIT_CODE_OK : EXIT_CODE_CONFIG;
    snapshot_unref(snapshot);
    diagnostics_release(&diagnostics);
    buf_release(&text);
    dotenv_free(dotenv);
    int printed = print_data(&out);
    return printed != EXIT_CODE_OK ? printed : code;
}

static int check_run(int argc, char **argv)
{
    struct arguments arguments;
    int code;
    if (!arguments_begin(&check_command, argc, argv, &arguments, &code)) {
        return code;
    }
    char file[LOAD_PATH_SIZE];
    const char *given =
        arguments.word_count > 0 ? arguments.words[0] : arguments_value(&arguments, "config");
    if (!load_find_file(given, file)) {
        say("sluice check: there is no configuration file: no sluice.yaml here, in "
            "~/.config/sluice "
            "or in /etc/sluice");
        say("Name one: sluice check FILE");
        return EXIT_CODE_CONFIG;
    }
    return check_file(&arguments, file);
}

static const struct argument check_arguments[] = {ARGUMENT_CONFIG, ARGUMENT_JSON};

const struct command check_command = {
    .name = "check",
    .summary = "validate a configuration",
    .example = "sluice check\nsluice check /etc/sluice/sluice.yaml --json\n",
    .details =
        "Every error in one pass, each with its place and the fix. Exit code 78 when there is one.",
    .arguments = check_arguments,
    .argument_count = ARRAY_LEN(check_arguments),
    .words = "[FILE]",
    .words_max = 1,
    .run = check_run,
};
