/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arguments.h"

#include "cli/terminal.h"
#include "codec/json_write.h"
#include "config/options.h"

#include <stdarg.h>
#include <stdio.h>

#define SUGGEST_DISTANCE 3

bool choices_have(const char *choices, const char *word)
{
    struct slice rest = slice_from_cstr(choices);
    while (rest.len > 0) {
        if (slice_eq(slice_cut(&rest, '|'), slice_from_cstr(word))) {
            return true;
        }
    }
    return false;
}

struct slice choices_suggest(const char *choices, const char *typed)
{
    struct slice rest = slice_from_cstr(choices);
    struct slice best = SLICE_EMPTY;
    unsigned best_distance = strlen(typed) < 4 ? 2 : SUGGEST_DISTANCE;
    while (rest.len > 0) {
        struct slice word = slice_cut(&rest, '|');
        unsigned distance = edit_distance(slice_from_cstr(typed), word, best_distance);
        if (distance < best_distance) {
            best_distance = distance;
            best = word;
        }
    }
    return best;
}

static const struct argument *argument_suggest(const struct command *command, struct slice typed)
{
    const struct argument *best = NULL;
    unsigned best_distance = typed.len < 4 ? 2 : SUGGEST_DISTANCE;
    for (size_t i = 0; i < command->argument_count; i++) {
        struct slice name = slice_from_cstr(command->arguments[i].name);
        unsigned distance = edit_distance(typed, name, best_distance);
        if (distance < best_distance) {
            best_distance = distance;
            best = &command->arguments[i];
        }
    }
    return best;
}

static bool unknown_flag(const struct command *command, const char *flag, struct error *error)
{
    struct slice typed = slice_from_cstr(flag);
    while (typed.len > 0 && typed.ptr[0] == '-') {
        typed = slice_from(typed, 1);
    }
    size_t equals = slice_find(typed, '=');
    typed.len = equals != SIZE_MAX ? equals : typed.len;
    const struct argument *near = argument_suggest(command, typed);
    int dashes = flag[1] == '-' ? 2 : 1;
    if (near == NULL) {
        return error_set(error, ERROR_INVALID, "usage", "unknown option %.*s%.*s", dashes, flag,
                         SLICE_ARG(typed));
    }
    return error_set(error, ERROR_INVALID, "usage", "unknown option %.*s%.*s; did you mean --%s?",
                     dashes, flag, SLICE_ARG(typed), near->name);
}

static bool refuse_choice(const char *what, const char *choices, const char *value,
                          struct error *error)
{
    struct slice near = choices_suggest(choices, value);
    if (near.len > 0) {
        return error_set(error, ERROR_INVALID, "usage",
                         "%s is one of %s, not %.64s; did you mean %.*s?", what, choices, value,
                         SLICE_ARG(near));
    }
    return error_set(error, ERROR_INVALID, "usage", "%s is one of %s, not %.64s", what, choices,
                     value);
}

static bool set_value(struct arguments *arguments, const struct argument *row, const char *value,
                      struct error *error)
{
    if (row->choices != NULL && !choices_have(row->choices, value)) {
        char what[64];
        snprintf(what, sizeof(what), "--%s", row->name);
        return refuse_choice(what, row->choices, value, error);
    }
    size_t index = (size_t)(row - arguments->command->arguments);
    arguments->values[index] = value;
    if (row->many) {
        if (arguments->repeat_count == REPEATS_MAX) {
            return error_set(error, ERROR_INVALID, "usage", "--%s is given too often", row->name);
        }
        arguments->repeats[arguments->repeat_count++] =
            (struct repeat){.row = index, .value = value};
    }
    return true;
}

static const struct argument *find_long(const struct command *command, struct slice name)
{
    for (size_t i = 0; i < command->argument_count; i++) {
        if (slice_eq(name, slice_from_cstr(command->arguments[i].name))) {
            return &command->arguments[i];
        }
    }
    return NULL;
}

static const struct argument *find_letter(const struct command *command, char letter)
{
    for (size_t i = 0; i < command->argument_count; i++) {
        if (command->arguments[i].letter == letter) {
            return &command->arguments[i];
        }
    }
    return NULL;
}

/* One flag at argv[*index]; a value that is the next argument is consumed too. */
static bool read_flag(struct arguments *arguments, int argc, char **argv, int *index,
                      struct error *error)
{
    const char *flag = argv[*index];
    bool is_long = flag[1] == '-';
    struct slice rest = slice_from_cstr(flag + 2);
    const struct argument *row;
    const char *inside = NULL; /* the value within this argument */
    if (is_long) {
        struct slice name = slice_cut(&rest, '=');
        row = find_long(arguments->command, name);
        inside = flag[2 + name.len] == '=' ? flag + 2 + name.len + 1 : NULL;
    } else {
        row = find_letter(arguments->command, flag[1]);
        inside = flag[2] != '\0' ? flag + 2 : NULL;
    }
    if (row == NULL) {
        return unknown_flag(arguments->command, flag, error);
    }
    if (row->value == NULL) {
        if (inside != NULL) {
            return error_set(error, ERROR_INVALID, "usage", "--%s takes no value", row->name);
        }
        return set_value(arguments, row, row->name, error);
    }
    if (inside == NULL && *index + 1 >= argc) {
        return error_set(error, ERROR_INVALID, "usage", "--%s needs a value: %s", row->name,
                         row->value);
    }
    return set_value(arguments, row, inside != NULL ? inside : argv[++*index], error);
}

static bool add_word(struct arguments *arguments, const char *word, struct error *error)
{
    const struct command *command = arguments->command;
    if (arguments->word_count >= command->words_max || arguments->word_count >= WORDS_MAX) {
        return error_set(error, ERROR_INVALID, "usage", "what is \"%.64s\"? %s takes %s", word,
                         command->name, command->words == NULL ? "no words" : command->words);
    }
    if (arguments->word_count == 0 && command->choices != NULL &&
        !choices_have(command->choices, word)) {
        return refuse_choice("its argument", command->choices, word, error);
    }
    arguments->words[arguments->word_count++] = word;
    return true;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            return true;
        }
    }
    return false;
}

enum arguments_result arguments_parse(const struct command *command, int argc, char **argv,
                                      struct arguments *arguments, struct error *error)
{
    CHECK(command->argument_count <= ARGUMENTS_MAX);
    memset(arguments, 0, sizeof(*arguments));
    arguments->command = command;
    if (wants_help(argc, argv)) {
        return ARGUMENTS_HELP;
    }
    bool flags = true;
    for (int i = 1; i < argc; i++) {
        if (flags && strcmp(argv[i], "--") == 0) {
            flags = false;
            continue;
        }
        bool is_flag = flags && argv[i][0] == '-' && argv[i][1] != '\0';
        if (!(is_flag ? read_flag(arguments, argc, argv, &i, error)
                      : add_word(arguments, argv[i], error))) {
            return ARGUMENTS_WRONG;
        }
    }
    if (arguments->word_count < command->words_min) {
        error_set(error, ERROR_INVALID, "usage", "%s needs %s", command->name, command->words);
        return ARGUMENTS_WRONG;
    }
    return ARGUMENTS_READ;
}

static size_t row_index(const struct arguments *arguments, const char *name)
{
    const struct argument *row = find_long(arguments->command, slice_from_cstr(name));
    CHECK(row != NULL);
    return (size_t)(row - arguments->command->arguments);
}

const char *arguments_value(const struct arguments *arguments, const char *name)
{
    return arguments->values[row_index(arguments, name)];
}

const char *arguments_next(const struct arguments *arguments, const char *name, size_t *cursor)
{
    size_t row = row_index(arguments, name);
    while (*cursor < arguments->repeat_count) {
        const struct repeat *repeat = &arguments->repeats[(*cursor)++];
        if (repeat->row == row) {
            return repeat->value;
        }
    }
    return NULL;
}

bool arguments_given(const struct arguments *arguments, const char *name)
{
    return arguments_value(arguments, name) != NULL;
}

int arguments_refuse(const struct arguments *arguments, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    say("sluice %s: %s", arguments->command->name, text);
    say("See: sluice %s --help", arguments->command->name);
    return EXIT_CODE_USAGE;
}

bool arguments_begin(const struct command *command, int argc, char **argv,
                     struct arguments *arguments, int *ret_code)
{
    struct error error;
    struct buf help = BUF_INIT(64u << 10);
    switch (arguments_parse(command, argc, argv, arguments, &error)) {
    case ARGUMENTS_HELP:
        help_write_command(command, &help);
        *ret_code = print_data(&help);
        return false;
    case ARGUMENTS_WRONG:
        *ret_code = arguments_refuse(arguments, "%s", error.text);
        return false;
    default:
        return true;
    }
}

int print_done(const struct arguments *arguments, struct slice member, const char *value,
               const char *sentence)
{
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    struct json_writer w;
    if (!arguments_given(arguments, "json")) {
        say("%s", sentence);
        return EXIT_CODE_OK;
    }
    json_writer_init(&w, &out);
    json_begin_object(&w);
    json_member_string(&w, member, slice_from_cstr(value));
    json_end_object(&w);
    buf_append_char(&out, '\n');
    return print_data(&out);
}
