/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

/* The condition under which a command's flags are offered. */
static void put_condition(const struct command *command, struct buf *out)
{
    struct slice member;
    struct slice group = completion_group(command, &member);
    /* without a command the flags are those of serve */
    const char *alone = slice_eq(group, SLICE("serve")) ? "__fish_use_subcommand; or " : "";
    buf_printf(out, "complete -c sluice -n '%s__fish_seen_subcommand_from %.*s", alone,
               SLICE_ARG(group));
    if (member.len > 0) {
        buf_printf(out, "; and __fish_seen_subcommand_from %.*s", SLICE_ARG(member));
    }
    buf_append_char(out, '\'');
}

static void put_flag(const struct command *command, const struct argument *row, struct buf *out)
{
    put_condition(command, out);
    buf_printf(out, " -l %s", row->name);
    if (row->letter != 0) {
        buf_printf(out, " -s %c", row->letter);
    }
    if (row->choices != NULL) {
        buf_append_cstr(out, " -x -a '");
        completion_put_choices(out, row->choices);
        buf_append_char(out, '\'');
    } else if (completion_is_file(row->value)) {
        buf_append_cstr(out, " -r -F");
    } else if (row->value != NULL) {
        buf_append_cstr(out, " -x");
    }
    buf_append_cstr(out, " -d ");
    completion_put_quoted(out, row->help);
    buf_append_char(out, '\n');
}

static void put_name(const struct command *command, bool first, struct buf *out)
{
    struct slice member;
    struct slice group = completion_group(command, &member);
    if (first) {
        buf_printf(out, "complete -c sluice -n __fish_use_subcommand -a %.*s -d ",
                   SLICE_ARG(group));
        completion_put_quoted(out, member.len == 0 ? command->summary : "a group of commands");
        buf_append_char(out, '\n');
    }
    if (member.len > 0) {
        buf_printf(out,
                   "complete -c sluice -n '__fish_seen_subcommand_from %.*s; and test (count "
                   "(commandline -opc)) -eq 2' -a %.*s -d ",
                   SLICE_ARG(group), SLICE_ARG(member));
        completion_put_quoted(out, command->summary);
        buf_append_char(out, '\n');
    }
}

static void put_words(const struct command *command, struct buf *out)
{
    if (command->choices != NULL) {
        put_condition(command, out);
        buf_append_cstr(out, " -a '");
        completion_put_choices(out, command->choices);
        buf_append_cstr(out, "'\n");
    } else if (completion_is_file(command->words)) {
        put_condition(command, out);
        buf_append_cstr(out, " -F\n");
    }
}

void completion_write_fish(struct buf *out)
{
    buf_append_cstr(out, "# fish completion for sluice: sluice completion fish | source\n"
                         "complete -c sluice -f\n"
                         "complete -c sluice -s h -l help -d 'print help'\n");
    for (size_t i = 0; i < command_count; i++) {
        put_name(commands[i], completion_is_first(i), out);
        put_words(commands[i], out);
        for (size_t a = 0; a < commands[i]->argument_count; a++) {
            put_flag(commands[i], &commands[i]->arguments[a], out);
        }
    }
}
