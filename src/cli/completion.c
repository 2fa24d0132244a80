/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

#include "cli/arguments.h"
#include "cli/rows.h"
#include "cli/terminal.h"

#define SCRIPT_MAX (1u << 18)

struct slice completion_group(const struct command *command, struct slice *ret_member)
{
    *ret_member = slice_from_cstr(command->name);
    return slice_cut(ret_member, ' ');
}

bool completion_is_first(size_t index)
{
    struct slice member;
    struct slice other;
    struct slice group = completion_group(commands[index], &member);
    return index == 0 || !slice_eq(group, completion_group(commands[index - 1], &other));
}

void completion_put_choices(struct buf *out, const char *choices)
{
    struct slice rest = slice_from_cstr(choices);
    while (rest.len > 0) {
        struct slice word = slice_cut(&rest, '|');
        buf_append(out, word);
        buf_append_cstr(out, rest.len > 0 ? " " : "");
    }
}

void completion_put_quoted(struct buf *out, const char *text)
{
    buf_append_char(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            buf_append_cstr(out, "'\\''");
        } else {
            buf_append_char(out, *text);
        }
    }
    buf_append_char(out, '\'');
}

static int completion_run(int argc, char **argv)
{
    static const struct {
        const char *shell;
        void (*write)(struct buf *out);
    } shells[] = {
        {"bash", completion_write_bash},
        {"fish", completion_write_fish},
        {"zsh", completion_write_zsh},
    };
    struct arguments arguments;
    struct buf out = BUF_INIT(SCRIPT_MAX);
    int code;
    if (!arguments_begin(&completion_command, argc, argv, &arguments, &code)) {
        return code;
    }
    for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
        if (strcmp(shells[i].shell, arguments.words[0]) == 0) {
            shells[i].write(&out);
        }
    }
    return print_data(&out);
}

const struct command completion_command = {
    .name = "completion",
    .summary = "print a completion script for a shell",
    .example = "source <(sluice completion bash)\nsluice completion fish | source\n",
    .words = "bash|zsh|fish",
    .choices = "bash|zsh|fish",
    .words_min = 1,
    .words_max = 1,
    .run = completion_run,
};
