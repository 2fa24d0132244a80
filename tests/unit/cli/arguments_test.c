/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arguments.h"
#include "cli/completion.h"

#include "tests/tap.h"

static const struct argument rows[] = {
    ARGUMENT_CONFIG,
    ARGUMENT_JSON,
    {.name = "by", .value = "WHAT", .choices = "day|model|task", .help = "one row for each"},
    {.name = "tag", .value = "NAME", .many = true, .help = "only of this one"},
    {.name = "not", .value = "NAME", .many = true, .help = "none of this one"},
};

static int no_run(int argc, char **argv)
{
    (void)argv;
    return argc;
}

static const struct command command = {
    .name = "report",
    .summary = "show spend",
    .example = "sluice report\n",
    .arguments = rows,
    .argument_count = ARRAY_LEN(rows),
    .words = "[FILE]",
    .words_max = 1,
    .run = no_run,
};

static struct arguments parsed;
static struct error error;

#define PARSE(...)                                                                                 \
    parse_all((const char *[]){"report", __VA_ARGS__},                                             \
              ARRAY_LEN(((const char *[]){"report", __VA_ARGS__})))

static enum arguments_result parse_all(const char **argv, size_t argc)
{
    char *copy[16];
    error_clear(&error);
    for (size_t i = 0; i < argc; i++) {
        copy[i] = (char *)(uintptr_t)argv[i];
    }
    return arguments_parse(&command, (int)argc, copy, &parsed, &error);
}

static void values_in_every_form(void)
{
    EXPECT_INT(PARSE("--config", "a.yaml"), ARGUMENTS_READ);
    EXPECT_SLICE(slice_from_cstr(arguments_value(&parsed, "config")), "a.yaml");
    EXPECT_INT(PARSE("--config=b.yaml", "--json"), ARGUMENTS_READ);
    EXPECT_SLICE(slice_from_cstr(arguments_value(&parsed, "config")), "b.yaml");
    EXPECT(arguments_given(&parsed, "json"));
    EXPECT_INT(PARSE("-c", "c.yaml"), ARGUMENTS_READ);
    EXPECT_SLICE(slice_from_cstr(arguments_value(&parsed, "config")), "c.yaml");
    EXPECT_INT(PARSE("-cd.yaml"), ARGUMENTS_READ);
    EXPECT_SLICE(slice_from_cstr(arguments_value(&parsed, "config")), "d.yaml");
    EXPECT_INT(PARSE("--config="), ARGUMENTS_READ);
    EXPECT_SLICE(slice_from_cstr(arguments_value(&parsed, "config")), "");
    EXPECT(!arguments_given(&parsed, "json"));
}

static void the_last_one_counts(void)
{
    EXPECT_INT(PARSE("-c", "a", "word", "-c", "b"), ARGUMENTS_READ);
    EXPECT_SLICE(slice_from_cstr(arguments_value(&parsed, "config")), "b");
    EXPECT_INT(parsed.word_count, 1);
}

static void some_may_be_given_often(void)
{
    size_t cursor = 0;
    EXPECT_INT(PARSE("--tag", "a", "--not", "x", "--tag=b"), ARGUMENTS_READ);
    EXPECT_SLICE(slice_from_cstr(arguments_next(&parsed, "tag", &cursor)), "a");
    EXPECT_SLICE(slice_from_cstr(arguments_next(&parsed, "tag", &cursor)), "b");
    EXPECT(arguments_next(&parsed, "tag", &cursor) == NULL);
    cursor = 0;
    EXPECT_SLICE(slice_from_cstr(arguments_next(&parsed, "not", &cursor)), "x");
    EXPECT(arguments_next(&parsed, "not", &cursor) == NULL);
}

static void two_dashes_end_the_flags(void)
{
    EXPECT_INT(PARSE("--", "--json"), ARGUMENTS_READ);
    EXPECT(!arguments_given(&parsed, "json"));
    EXPECT_SLICE(slice_from_cstr(parsed.words[0]), "--json");
    EXPECT_INT(PARSE("-"), ARGUMENTS_READ);
    EXPECT_SLICE(slice_from_cstr(parsed.words[0]), "-");
    EXPECT_INT(PARSE("--", "--help"), ARGUMENTS_READ);
}

static void help_wins_over_mistakes(void)
{
    EXPECT_INT(PARSE("--nonsense", "--help"), ARGUMENTS_HELP);
    EXPECT_INT(PARSE("-h"), ARGUMENTS_HELP);
}

static void unknown_flags_suggest(void)
{
    EXPECT_INT(PARSE("--jsn"), ARGUMENTS_WRONG);
    EXPECT_SLICE(slice_from_cstr(error.text), "unknown option --jsn; did you mean --json?");
    EXPECT_INT(PARSE("--confg=x"), ARGUMENTS_WRONG);
    EXPECT_SLICE(slice_from_cstr(error.text), "unknown option --confg; did you mean --config?");
    EXPECT_INT(PARSE("--frobnicate"), ARGUMENTS_WRONG);
    EXPECT_SLICE(slice_from_cstr(error.text), "unknown option --frobnicate");
    EXPECT_INT(PARSE("-x"), ARGUMENTS_WRONG);
    EXPECT_INT(PARSE("---"), ARGUMENTS_WRONG);
}

static void bad_values_are_refused(void)
{
    EXPECT_INT(PARSE("--by", "modle"), ARGUMENTS_WRONG);
    EXPECT_SLICE(slice_from_cstr(error.text),
                 "--by is one of day|model|task, not modle; did you mean model?");
    EXPECT_INT(PARSE("--by"), ARGUMENTS_WRONG);
    EXPECT_SLICE(slice_from_cstr(error.text), "--by needs a value: WHAT");
    EXPECT_INT(PARSE("--json=1"), ARGUMENTS_WRONG);
    EXPECT_SLICE(slice_from_cstr(error.text), "--json takes no value");
    EXPECT_INT(PARSE("a", "b"), ARGUMENTS_WRONG);
    EXPECT_SLICE(slice_from_cstr(error.text), "what is \"b\"? report takes [FILE]");
}

static void missing_words_are_named(void)
{
    struct command strict = command;
    char name[] = "report";
    char *argv[] = {name};
    strict.words = "NAME";
    strict.words_min = 1;
    EXPECT_INT(arguments_parse(&strict, 1, argv, &parsed, &error), ARGUMENTS_WRONG);
    EXPECT_SLICE(slice_from_cstr(error.text), "report needs NAME");
}

static bool has(const struct buf *text, const char *needle)
{
    return slice_find_slice(buf_slice(text), slice_from_cstr(needle)) != SIZE_MAX;
}

static void help_names_every_flag(void)
{
    for (size_t i = 0; i < command_count; i++) {
        struct buf help = BUF_INIT(1u << 16);
        help_write_command(commands[i], &help);
        EXPECT(slice_starts(buf_slice(&help), SLICE("Examples:\n  ")));
        EXPECT(strstr(commands[i]->example, "sluice ") != NULL);
        for (size_t a = 0; a < commands[i]->argument_count; a++) {
            char flag[64];
            snprintf(flag, sizeof(flag), "--%s", commands[i]->arguments[a].name);
            EXPECT(has(&help, flag));
            EXPECT(commands[i]->arguments[a].help != NULL);
        }
        struct slice rest = buf_slice(&help);
        while (rest.len > 0) {
            EXPECT(slice_cut(&rest, '\n').len <= 100);
        }
        buf_release(&help);
    }
}

/* Members of a group stand together (completions list a group at its first row), names are unique,
 * tables fit. */
static void the_table_is_sound(void)
{
    for (size_t i = 0; i < command_count; i++) {
        struct slice member;
        struct slice other;
        struct slice group = completion_group(commands[i], &member);
        EXPECT(command_find(commands[i]->name) == commands[i]);
        EXPECT(commands[i]->run != NULL);
        EXPECT(commands[i]->argument_count <= ARGUMENTS_MAX);
        EXPECT(commands[i]->words_max <= WORDS_MAX);
        EXPECT(commands[i]->words_max == 0 || commands[i]->words != NULL);
        for (size_t j = 0; j + 1 < i; j++) {
            bool same = slice_eq(group, completion_group(commands[j], &other));
            EXPECT(!same || slice_eq(group, completion_group(commands[i - 1], &other)));
        }
    }
}

static void commands_are_suggested(void)
{
    EXPECT_SLICE(slice_from_cstr(command_suggest("chek")), "check");
    EXPECT_SLICE(slice_from_cstr(command_suggest("key crate")), "key create");
    EXPECT(command_suggest("frobnicate") == NULL);
    EXPECT(command_find("key") == NULL);
}

static void completions_name_every_flag(void)
{
    static void (*const writers[])(struct buf *) = {completion_write_bash, completion_write_fish,
                                                    completion_write_zsh};
    for (size_t s = 0; s < ARRAY_LEN(writers); s++) {
        struct buf script = BUF_INIT(1u << 18);
        writers[s](&script);
        EXPECT(!script.failed);
        for (size_t i = 0; i < command_count; i++) {
            for (size_t a = 0; a < commands[i]->argument_count; a++) {
                EXPECT(has(&script, commands[i]->arguments[a].name));
            }
        }
        EXPECT(has(&script, "provider target route"));
        buf_release(&script);
    }
}

static void quotes_are_safe_for_a_shell(void)
{
    struct buf out = BUF_INIT(256);
    completion_put_quoted(&out, "it's $HOME");
    EXPECT_SLICE(buf_slice(&out), "'it'\\''s $HOME'");
    buf_release(&out);
}

int main(void)
{
    TEST(values_in_every_form, "a value stands behind its flag, after =, or right behind a letter");
    TEST(the_last_one_counts, "of a flag that is given twice the last one counts");
    TEST(some_may_be_given_often, "values of a flag that may be given often keep their order");
    TEST(two_dashes_end_the_flags, "two dashes end the flags, one dash is a word");
    TEST(help_wins_over_mistakes, "help is given whatever else stands there");
    TEST(unknown_flags_suggest, "an unknown flag is refused with the nearest known one");
    TEST(bad_values_are_refused, "wrong values, missing values and extra words are refused");
    TEST(missing_words_are_named, "a missing word is named");
    TEST(help_names_every_flag, "help leads with an example and names every flag");
    TEST(the_table_is_sound, "the table of commands is sound");
    TEST(commands_are_suggested, "an unknown command has a nearest one, if any is near");
    TEST(completions_name_every_flag, "completions know every flag and its choices");
    TEST(quotes_are_safe_for_a_shell, "text in completions is quoted for the shell");
    return tap_done();
}
