/* SPDX-License-Identifier: Apache-2.0 */
/* Help, written from the rows of the commands. It leads with an example. */
#include "cli/arguments.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/terminal.h"

#include <stdio.h>

#define HELP_BYTES_MAX (64u << 10)
#define WIDTH 80

static const struct table_column two_columns[] = {{"", false}, {"", false}};

static void put_indented(struct buf *out, const char *lines)
{
    struct slice rest = slice_from_cstr(lines);
    while (rest.len > 0) {
        struct slice line = slice_cut(&rest, '\n');
        buf_printf(out, "  %.*s\n", SLICE_ARG(line));
    }
}

/* One part of the synopsis; a part that does not fit goes to the next line. */
static void put_part(struct buf *out, size_t *line_start, size_t indent, const char *part)
{
    if (out->len - *line_start + 1 + strlen(part) > WIDTH) {
        buf_append_char(out, '\n');
        *line_start = out->len;
        for (size_t i = 0; i < indent; i++) {
            buf_append_char(out, ' ');
        }
    }
    buf_printf(out, " %s", part);
}

static void put_synopsis(const struct command *command, struct buf *out)
{
    size_t start = out->len;
    buf_printf(out, "  sluice %s", command->name);
    size_t indent = out->len - start;
    for (size_t i = 0; i < command->argument_count; i++) {
        const struct argument *row = &command->arguments[i];
        char part[128];
        char letter[] = {'-', row->letter, '\0'};
        char name[64];
        snprintf(name, sizeof(name), "--%s", row->name);
        snprintf(part, sizeof(part), "[%s%s%s]", row->letter != 0 ? letter : name,
                 row->value == NULL ? "" : " ", row->value == NULL ? "" : row->value);
        put_part(out, &start, indent, part);
    }
    if (command->words != NULL) {
        put_part(out, &start, indent, command->words);
    }
    buf_append_char(out, '\n');
}

static void put_flag(struct table *table, char letter, const char *name, const char *value,
                     const char *help, const char *choices)
{
    char letters[] = {letter == 0 ? ' ' : '-', letter == 0 ? ' ' : letter, letter == 0 ? ' ' : ',',
                      '\0'};
    table_printf(table, "%s --%s%s%s", letters, name, value == NULL ? "" : " ",
                 value == NULL ? "" : value);
    table_printf(table, "%s%s%s", help, choices == NULL ? "" : ": ",
                 choices == NULL ? "" : choices);
}

void help_write_command(const struct command *command, struct buf *out)
{
    buf_append_cstr(out, "Examples:\n");
    put_indented(out, command->example);
    buf_append_cstr(out, "\nUsage:\n");
    put_synopsis(command, out);
    buf_printf(out, "\n%c%s.\n", command->summary[0] & ~0x20, command->summary + 1);
    if (command->details != NULL) {
        buf_printf(out, "%s\n", command->details);
    }
    struct table table;
    table_init(&table, two_columns, ARRAY_LEN(two_columns));
    for (size_t i = 0; i < command->argument_count; i++) {
        const struct argument *row = &command->arguments[i];
        put_flag(&table, row->letter, row->name, row->value, row->help, row->choices);
    }
    put_flag(&table, 'h', "help", NULL, "print this help", NULL);
    buf_append_cstr(out, "\nOptions:\n");
    table_write(&table, 2, out);
    table_release(&table);
}

static void put_list(const char *group, struct buf *out)
{
    struct table table;
    table_init(&table, two_columns, ARRAY_LEN(two_columns));
    for (size_t i = 0; i < command_count; i++) {
        struct slice rest = slice_from_cstr(commands[i]->name);
        struct slice first = slice_cut(&rest, ' ');
        if (group == NULL || slice_eq(first, slice_from_cstr(group))) {
            table_cstr(&table, commands[i]->name);
            table_cstr(&table, commands[i]->summary);
        }
    }
    table_write(&table, 2, out);
    table_release(&table);
}

void help_write_group(const char *group, struct buf *out)
{
    buf_printf(out, "Commands of sluice %s (--help after each of them says more):\n", group);
    put_list(group, out);
}

void help_write_all(struct buf *out)
{
    buf_append_cstr(out,
                    "Sluice sends each chat request to the cheapest model that can do it.\n"
                    "\nExamples:\n"
                    "  sluice                          start with what is found on this machine\n"
                    "  sluice explain \"Fix this bug\"   who would answer, and why\n"
                    "  sluice report --by model        what it cost and saved\n"
                    "\nCommands (without one: serve):\n");
    put_list(NULL, out);
    buf_append_cstr(out, "\nsluice COMMAND --help says more. Exit codes: 0 ok, 1 failed, 2 usage, "
                         "78 configuration.\n");
}

static int help_run(int argc, char **argv)
{
    struct arguments arguments;
    int code;
    if (!arguments_begin(&help_command, argc, argv, &arguments, &code)) {
        return code;
    }
    struct buf out = BUF_INIT(HELP_BYTES_MAX);
    char name[128];
    size_t count = arguments.word_count;
    snprintf(name, sizeof(name), "%s%s%s", count > 0 ? arguments.words[0] : "",
             count > 1 ? " " : "", count > 1 ? arguments.words[1] : "");
    const struct command *command = command_find(name);
    if (count == 0) {
        help_write_all(&out);
    } else if (command != NULL) {
        help_write_command(command, &out);
    } else {
        const char *near = command_suggest(name);
        return arguments_refuse(&arguments, "there is no command \"%s\"%s%s%s", name,
                                near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
                                near == NULL ? "" : "?");
    }
    return print_data(&out);
}

const struct command help_command = {
    .name = "help",
    .summary = "print help on a command",
    .example = "sluice help explain\n",
    .words = "[COMMAND]",
    .words_max = 2,
    .run = help_run,
};
