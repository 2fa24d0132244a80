/* SPDX-License-Identifier: Apache-2.0 */
/* How a command begins: what goes to stdout, what to stderr, and with which exit code. */
#include "cli/arguments.h"

#include "tests/tap.h"

#include <stdlib.h>
#include <unistd.h>

static const struct argument rows[] = {
    ARGUMENT_JSON,
    {.name = "by", .value = "WHAT", .choices = "day|model|task", .help = "one row for each"},
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
    .words = "WHAT",
    .words_max = 2,
    .choices = "spend|calls",
    .run = no_run,
};

static struct arguments parsed;

/* A descriptor that goes to a file for a while. */
struct redirect {
    int fd;
    int saved;
    FILE *file;
    char text[8192];
};

static void redirect_begin(struct redirect *redirect, int fd)
{
    fflush(NULL);
    redirect->fd = fd;
    redirect->saved = dup(fd);
    redirect->file = tmpfile();
    CHECK(redirect->saved >= 0 && redirect->file != NULL);
    CHECK(dup2(fileno(redirect->file), fd) == fd);
}

static const char *redirect_end(struct redirect *redirect)
{
    fflush(NULL);
    CHECK(dup2(redirect->saved, redirect->fd) == redirect->fd);
    close(redirect->saved);
    rewind(redirect->file);
    size_t len = fread(redirect->text, 1, sizeof(redirect->text) - 1, redirect->file);
    redirect->text[len] = '\0';
    fclose(redirect->file);
    return redirect->text;
}

static struct redirect out;
static struct redirect words;

/* Begins with these arguments; what was written is in out.text and words.text. */
static bool begin(int argc, const char **argv, int *ret_code)
{
    char *copy[8];
    for (int i = 0; i < argc; i++) {
        copy[i] = (char *)(uintptr_t)argv[i];
    }
    redirect_begin(&out, STDOUT_FILENO);
    redirect_begin(&words, STDERR_FILENO);
    bool goes_on = arguments_begin(&command, argc, copy, &parsed, ret_code);
    redirect_end(&words);
    redirect_end(&out);
    return goes_on;
}

static void good_arguments_go_on_in_silence(void)
{
    const char *argv[] = {"report", "spend", "--by", "day"};
    int code = -1;
    EXPECT(begin(4, argv, &code));
    EXPECT_INT(code, -1);
    EXPECT_SLICE(slice_from_cstr(arguments_value(&parsed, "by")), "day");
    EXPECT_SLICE(slice_from_cstr(out.text), "");
    EXPECT_SLICE(slice_from_cstr(words.text), "");
}

static void help_is_data(void)
{
    const char *argv[] = {"report", "--help"};
    int code = -1;
    EXPECT(!begin(2, argv, &code));
    EXPECT_INT(code, EXIT_CODE_OK);
    EXPECT(strstr(out.text, "sluice report") != NULL && strstr(out.text, "--by") != NULL);
    EXPECT_SLICE(slice_from_cstr(words.text), "");
}

static void a_mistake_is_said_on_stderr(void)
{
    const char *argv[] = {"report", "--by", "xyzzy"};
    int code = -1;
    EXPECT(!begin(3, argv, &code));
    EXPECT_INT(code, EXIT_CODE_USAGE);
    EXPECT_SLICE(slice_from_cstr(out.text), "");
    EXPECT_SLICE(slice_from_cstr(words.text),
                 "sluice report: --by is one of day|model|task, not xyzzy\n"
                 "See: sluice report --help\n");
}

static void words_have_choices_too(void)
{
    const char *near[] = {"report", "spent"};
    const char *far[] = {"report", "x"};
    int code = -1;
    EXPECT(!begin(2, near, &code));
    EXPECT_INT(code, EXIT_CODE_USAGE);
    EXPECT(strstr(words.text,
                  "its argument is one of spend|calls, not spent; did you mean spend?\n"));
    EXPECT(!begin(2, far, &code));
    EXPECT(strstr(words.text, "its argument is one of spend|calls, not x\n"));
}

/* Half a kilobyte of arguments or a megabyte: the sentence has an end. */
static void a_long_mistake_is_cut(void)
{
    static char long_flag[100000];
    memset(long_flag, 'y', sizeof(long_flag) - 1);
    long_flag[0] = long_flag[1] = '-';
    const char *argv[] = {"report", long_flag};
    int code = -1;
    EXPECT(!begin(2, argv, &code));
    EXPECT_INT(code, EXIT_CODE_USAGE);
    EXPECT(strncmp(words.text, "sluice report: unknown option --yyy", 35) == 0);
    EXPECT(strlen(words.text) < 1024);
}

int main(void)
{
    TEST(good_arguments_go_on_in_silence, "good arguments go on and nothing is written");
    TEST(help_is_data, "help goes to stdout with exit code 0");
    TEST(a_mistake_is_said_on_stderr, "a mistake goes to stderr with the code for wrong usage");
    TEST(words_have_choices_too, "a word that is no choice is refused with the nearest one");
    TEST(a_long_mistake_is_cut, "a mistake of any length makes a short message");
    return tap_done();
}
