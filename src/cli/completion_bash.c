/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

static void put_groups(struct buf *out)
{
    struct slice member;
    for (size_t i = 0; i < command_count; i++) {
        struct slice group = completion_group(commands[i], &member);
        if (member.len == 0 || !completion_is_first(i)) {
            continue;
        }
        buf_printf(out, "        %.*s)\n            if ((COMP_CWORD == 2)); then words='",
                   SLICE_ARG(group));
        const char *separator = "";
        for (size_t m = i; m < command_count; m++) {
            if (slice_eq(group, completion_group(commands[m], &member))) {
                buf_printf(out, "%s%.*s", separator, SLICE_ARG(member));
                separator = " ";
            }
        }
        buf_append_cstr(out, "'; fi\n            command=\"$command ${COMP_WORDS[2]}\" ;;\n");
    }
}

static void put_top(struct buf *out)
{
    struct slice member;
    const char *separator = "";
    buf_append_cstr(out, "    if ((COMP_CWORD == 1)); then words='");
    for (size_t i = 0; i < command_count; i++) {
        if (completion_is_first(i)) {
            struct slice group = completion_group(commands[i], &member);
            buf_printf(out, "%s%.*s", separator, SLICE_ARG(group));
            separator = " ";
        }
    }
    buf_append_cstr(out, "'; fi\n");
}

/* What may follow a flag that takes a value. */
static void put_values(const struct command *command, struct buf *out)
{
    for (size_t i = 0; i < command->argument_count; i++) {
        const struct argument *row = &command->arguments[i];
        if (row->value == NULL) {
            continue;
        }
        buf_printf(out, "        '%s:--%s'", command->name, row->name);
        if (row->letter != 0) {
            buf_printf(out, "|'%s:-%c'", command->name, row->letter);
        }
        if (row->choices != NULL) {
            buf_append_cstr(out, ") words='");
            completion_put_choices(out, row->choices);
            buf_append_cstr(out, "' flags='' ;;\n");
        } else if (completion_is_file(row->value)) {
            buf_append_cstr(out, ") COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n");
        } else {
            buf_append_cstr(out, ") return ;;\n");
        }
    }
}

static void put_flags(const struct command *command, struct buf *out)
{
    buf_printf(out, "        '%s') flags='", command->name);
    for (size_t i = 0; i < command->argument_count; i++) {
        buf_printf(out, "--%s ", command->arguments[i].name);
    }
    buf_append_cstr(out, "--help'");
    if (command->choices != NULL) {
        buf_append_cstr(out, " words='");
        completion_put_choices(out, command->choices);
        buf_append_char(out, '\'');
    } else if (completion_is_file(command->words)) {
        buf_append_cstr(out, "; [[ $current == -* ]] || COMPREPLY=($(compgen -f -- \"$current\"))");
    }
    buf_append_cstr(out, " ;;\n");
}

void completion_write_bash(struct buf *out)
{
    buf_append_cstr(
        out, "# bash completion for sluice: source <(sluice completion bash)\n"
             "_sluice() {\n"
             "    local current=\"${COMP_WORDS[COMP_CWORD]}\" words='' flags=''\n"
             "    local previous=\"${COMP_WORDS[COMP_CWORD - 1]}\" command=\"${COMP_WORDS[1]}\"\n"
             "    COMPREPLY=()\n");
    put_top(out);
    buf_append_cstr(out, "    case \"$command\" in\n        -*) command='serve' ;;\n");
    put_groups(out);
    buf_append_cstr(out, "    esac\n    case \"$command\" in\n");
    for (size_t i = 0; i < command_count; i++) {
        put_flags(commands[i], out);
    }
    buf_append_cstr(out, "    esac\n    case \"$command:$previous\" in\n");
    for (size_t i = 0; i < command_count; i++) {
        put_values(commands[i], out);
    }
    buf_append_cstr(out, "    esac\n"
                         "    if [[ $current == -* ]]; then words=\"$flags\"; fi\n"
                         "    if [[ -n $words ]]; then\n"
                         "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                         "    fi\n"
                         "}\n"
                         "complete -F _sluice sluice\n");
}
