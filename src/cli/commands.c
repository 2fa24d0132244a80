/* SPDX-License-Identifier: Apache-2.0 */
/* The one list of commands, and how the command line finds its row. */
#include "cli/arguments.h"
#include "cli/rows.h"
#include "cli/terminal.h"
#include "config/options.h"

#include <stdio.h>

#define NAME_SIZE 64

/* By the order in which help lists them: what a newcomer needs first. */
const struct command *const commands[] = {
    &serve_command,           &demo_command,
    &check_command,           &explain_command,
    &import_litellm_command,  &models_command,
    &prices_command,          &providers_command,
    &target_list_command,     &target_on_command,
    &target_off_command,      &key_create_command,
    &key_list_command,        &key_revoke_command,
    &key_rotate_command,      &key_limit_command,
    &key_acknowledge_command, &key_reseal_command,
    &audit_list_command,      &audit_verify_command,
    &report_command,          &replay_command,
    &train_command,           &eval_command,
    &ledger_verify_command,   &ledger_backup_command,
    &ledger_restore_command,  &ledger_export_command,
    &cluster_status_command,  &cluster_verify_command,
    &cluster_remove_command,  &cluster_forget_command,
    &completion_command,      &version_command,
    &help_command,
};
const size_t command_count = ARRAY_LEN(commands);

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static struct slice first_word(const struct command *command)
{
    struct slice rest = slice_from_cstr(command->name);
    return slice_cut(&rest, ' ');
}

static bool is_group(const char *name)
{
    for (size_t i = 0; i < command_count; i++) {
        struct slice group = first_word(commands[i]);
        if (group.len < strlen(commands[i]->name) && slice_eq(group, slice_from_cstr(name))) {
            return true;
        }
    }
    return false;
}

const char *command_suggest(const char *typed)
{
    static const unsigned limit = 3;
    const char *best = NULL;
    unsigned best_distance = strlen(typed) < 4 ? 2 : limit;
    for (size_t i = 0; i < command_count; i++) {
        bool whole = strchr(typed, ' ') != NULL;
        struct slice name = whole ? slice_from_cstr(commands[i]->name) : first_word(commands[i]);
        unsigned distance = edit_distance(slice_from_cstr(typed), name, best_distance);
        if (distance < best_distance) {
            best_distance = distance;
            best = commands[i]->name;
        }
    }
    return best;
}

static int print_help(const char *group)
{
    struct buf out = BUF_INIT(64u << 10);
    if (group == NULL) {
        help_write_all(&out);
    } else {
        help_write_group(group, &out);
    }
    return print_data(&out);
}

static int refuse_command(const char *typed)
{
    const char *near = command_suggest(typed);
    bool grouped = near != NULL && strchr(typed, ' ') == NULL;
    if (near == NULL) {
        say("sluice: there is no command \"%.64s\"", typed);
    } else {
        struct slice rest = slice_from_cstr(near);
        struct slice shown = grouped ? slice_cut(&rest, ' ') : rest;
        say("sluice: there is no command \"%.64s\"; did you mean %.*s?", typed, SLICE_ARG(shown));
    }
    say("See: sluice --help");
    return EXIT_CODE_USAGE;
}

/* "key create ...": the row is found by two words; what follows belongs to it. */
static int dispatch_group(int argc, char **argv)
{
    char name[NAME_SIZE];
    if (argc < 3 || argv[2][0] == '-') {
        bool help = argc >= 3 && (strcmp(argv[2], "-h") == 0 || strcmp(argv[2], "--help") == 0);
        if (help) {
            return print_help(argv[1]);
        }
        struct buf out = BUF_INIT(64u << 10);
        help_write_group(argv[1], &out);
        fwrite(out.ptr, 1, out.len, stderr);
        buf_release(&out);
        return EXIT_CODE_USAGE;
    }
    snprintf(name, sizeof(name), "%s %s", argv[1], argv[2]);
    const struct command *command = command_find(name);
    return command != NULL ? command->run(argc - 2, argv + 2) : refuse_command(name);
}

int command_dispatch(int argc, char **argv)
{
    if (argc < 2) {
        char *none[] = {NULL, NULL};
        return serve_command.run(1, none);
    }
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
        return print_help(NULL);
    }
    if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0) {
        return version_command.run(argc - 1, argv + 1);
    }
    if (argv[1][0] == '-') {
        return serve_command.run(argc, argv);
    }
    const struct command *command = command_find(argv[1]);
    if (command != NULL) {
        return command->run(argc - 1, argv + 1);
    }
    return is_group(argv[1]) ? dispatch_group(argc, argv) : refuse_command(argv[1]);
}
