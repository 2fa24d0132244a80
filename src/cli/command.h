/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A subcommand is a row: its name, what it takes, the help that leads with an example, and the
 * function that runs it. The parser, --help and the shell completions all read the same row, so
 * they cannot differ. One file per subcommand (or group of them); commands.c lists the rows.
 * Read-only tables, any thread.
 */
#ifndef SLUICE_CLI_COMMAND_H
#define SLUICE_CLI_COMMAND_H

#include "base/buf.h"

#define ARGUMENTS_MAX 32 /* flags of one command */
#define REPEATS_MAX 64   /* values of its flags that may be given several times */
#define WORDS_MAX 256    /* other arguments of one command */

/* Exit codes: the outer contract. */
enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILED = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_CONFIG = 78, /* EX_CONFIG of sysexits.h */
};

struct argument {
    const char *name;    /* "json": given as --json */
    char letter;         /* 'c': also given as -c; 0: none */
    const char *value;   /* "FILE": a value follows; NULL: a switch */
    const char *choices; /* "day|model": no other value is taken; NULL: any */
    const char *help;    /* one line, no full stop */
    bool many;           /* given again, it adds a value (arguments_next()) */
};

#define ARGUMENT_CONFIG                                                                            \
    {                                                                                              \
        .name = "config", .letter = 'c', .value = "FILE", .help = "configuration file"             \
    }
#define ARGUMENT_JSON                                                                              \
    {                                                                                              \
        .name = "json", .help = "print JSON"                                                       \
    }

struct command {
    const char *name;    /* "check"; of a group two words: "key create" */
    const char *summary; /* one line for lists, no full stop */
    const char *example; /* command lines, each ended by a line feed */
    const char *details; /* further sentences, or NULL */
    const struct argument *arguments;
    size_t argument_count; /* -h and --help come on top, everywhere */
    const char *words;     /* synopsis of the other arguments, "[FILE]"; NULL: none are taken */
    const char *choices;   /* "bash|zsh|fish": what the first of them may be; NULL: anything */
    size_t words_min;
    size_t words_max;
    /* argv[0] is the command's name, the arguments follow; returns the exit code. */
    int (*run)(int argc, char **argv);
};

/* Every command, by name. */
extern const struct command *const commands[];
extern const size_t command_count;

/* NULL: no command has this name. Two words are separated by one space. */
const struct command *command_find(const char *name);
/* The nearest name to what was typed ("chek" -> "check"), or NULL. Groups count by their first
 * word. */
const char *command_suggest(const char *typed);
/* Runs what the command line asks for (no command at all: serve) and returns the exit code. */
int command_dispatch(int argc, char **argv);

/* Help of one command, and of all. Appends plain text. */
void help_write_command(const struct command *command, struct buf *out);
void help_write_all(struct buf *out);
/* Commands whose first word is `group`. */
void help_write_group(const char *group, struct buf *out);

#endif
