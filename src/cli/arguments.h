/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of one command against its table (command.h). Flags are --name VALUE, --name=VALUE, -n
 * VALUE or -nVALUE and may stand anywhere; "--" ends them; "-" is a word. Given twice, the last one
 * counts, but for those of which there may be many. What points into argv stays there.
 */
#ifndef SLUICE_CLI_ARGUMENTS_H
#define SLUICE_CLI_ARGUMENTS_H

#include "base/error.h"
#include "cli/command.h"

struct arguments {
    const struct command *command;
    const char *values[ARGUMENTS_MAX]; /* by row of the command's table; NULL: not given; a switch:
                                          its name */
    const char *words[WORDS_MAX];
    size_t word_count;
    struct repeat {
        size_t row;
        const char *value;
    } repeats[REPEATS_MAX]; /* of flags with `many` */
    size_t repeat_count;
};

enum arguments_result {
    ARGUMENTS_READ,
    ARGUMENTS_HELP,  /* -h or --help was given, whatever else stands there */
    ARGUMENTS_WRONG, /* *error: one sentence, with the nearest known name where there is one */
};

/* argv[0] is skipped. */
enum arguments_result arguments_parse(const struct command *command, int argc, char **argv,
                                      struct arguments *arguments, struct error *error);
/* The value of a flag that the command's table has (CHECK), or NULL when it was not given. */
const char *arguments_value(const struct arguments *arguments, const char *name);
/* The values of a flag with `many`, one after the other; *cursor begins at 0. NULL: no more. */
const char *arguments_next(const struct arguments *arguments, const char *name, size_t *cursor);
bool arguments_given(const struct arguments *arguments, const char *name);

/* How every command begins: parses, prints help or the mistake. False: *ret_code is the exit code
 * and nothing is left to do. */
MUST_USE bool arguments_begin(const struct command *command, int argc, char **argv,
                              struct arguments *arguments, int *ret_code);
/* Says what is wrong with an argument's value, on stderr; returns EXIT_CODE_USAGE. */
int arguments_refuse(const struct arguments *arguments, const char *format, ...) PRINTF_LIKE(2, 3);

/* The end of a command that has only done something: an object with one member where --json was
 * given, else a sentence on stderr. Returns the exit code. */
int print_done(const struct arguments *arguments, struct slice member, const char *value,
               const char *sentence);

/* Which of "a|b|c" is nearest to `typed`; empty when none is near. */
struct slice choices_suggest(const char *choices, const char *typed);
bool choices_have(const char *choices, const char *word);

#endif
