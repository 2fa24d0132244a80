/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

/* 'name:description' for _describe. */
static void put_item(struct buf *out, const char *dashes, struct slice name, const char *help)
{
    struct buf text = BUF_INIT(1024);
    buf_printf(&text, "%s%.*s:%s", dashes, SLICE_ARG(name), help);
    buf_append_char(&text, '\0');
    buf_append_char(out, ' ');
    completion_put_quoted(out, text.ptr);
    buf_release(&text);
}

static void put_top(struct buf *out)
{
    struct slice member;
    buf_append_cstr(out,
                    "    if ((CURRENT == 2)) && [[ ${words[2]} != -* ]]; then\n        items=(");
    for (size_t i = 0; i < command_count; i++) {
        if (completion_is_first(i)) {
            struct slice group = completion_group(commands[i], &member);
            put_item(out, "", group,
                     member.len == 0 ? commands[i]->summary : "a group of commands");
        }
    }
    buf_append_cstr(out, ")\n        _describe command items\n        return\n    fi\n");
}

static void put_groups(struct buf *out)
{
    struct slice member;
    buf_append_cstr(out, "    case \"$command\" in\n        -*) command=serve ;;\n");
    for (size_t i = 0; i < command_count; i++) {
        struct slice group = completion_group(commands[i], &member);
        if (member.len == 0 || !completion_is_first(i)) {
            continue;
        }
        buf_printf(out,
                   "        %.*s)\n            if ((CURRENT == 3)); then\n                items=(",
                   SLICE_ARG(group));
        for (size_t m = i; m < command_count; m++) {
            if (slice_eq(group, completion_group(commands[m], &member))) {
                put_item(out, "", member, commands[m]->summary);
            }
        }
        buf_append_cstr(out, ")\n                _describe command items\n                return\n"
                             "            fi\n            command=\"$command ${words[3]}\" ;;\n");
    }
    buf_append_cstr(out, "    esac\n");
}

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
            buf_append_cstr(out, ") compadd ");
            completion_put_choices(out, row->choices);
            buf_append_cstr(out, "; return ;;\n");
        } else {
            buf_append_cstr(out, completion_is_file(row->value) ? ") _files; return ;;\n"
                                                                : ") return ;;\n");
        }
    }
}

static void put_flags(const struct command *command, struct buf *out)
{
    buf_printf(out, "        '%s')\n            items=(", command->name);
    for (size_t i = 0; i < command->argument_count; i++) {
        put_item(out, "--", slice_from_cstr(command->arguments[i].name),
                 command->arguments[i].help);
    }
    put_item(out, "--", SLICE("help"), "print this help");
    buf_append_char(out, ')');
    if (command->choices != NULL) {
        buf_append_cstr(out, "\n            [[ ${words[CURRENT]} == -* ]] || compadd ");
        completion_put_choices(out, command->choices);
    } else if (completion_is_file(command->words)) {
        buf_append_cstr(out, "\n            [[ ${words[CURRENT]} == -* ]] || _files");
    }
    buf_append_cstr(out, " ;;\n");
}

void completion_write_zsh(struct buf *out)
{
    buf_append_cstr(out, "#compdef sluice\n"
                         "# zsh completion for sluice: source <(sluice completion zsh)\n"
                         "_sluice() {\n"
                         "    local -a items\n"
                         "    local command=\"${words[2]}\" previous=\"${words[CURRENT-1]}\"\n");
    put_top(out);
    put_groups(out);
    buf_append_cstr(out, "    case \"$command:$previous\" in\n");
    for (size_t i = 0; i < command_count; i++) {
        put_values(commands[i], out);
    }
    buf_append_cstr(out, "    esac\n    case \"$command\" in\n");
    for (size_t i = 0; i < command_count; i++) {
        put_flags(commands[i], out);
    }
    buf_append_cstr(out, "    esac\n"
                         "    if [[ ${words[CURRENT]} == -* ]]; then _describe option items; fi\n"
                         "}\n"
                         "if [[ ${funcstack[1]} == _sluice ]]; then\n"
                         "    _sluice \"$@\"\n"
                         "else\n"
                         "    compdef _sluice sluice\n"
                         "fi\n");
}
