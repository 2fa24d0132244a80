/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/config/config_testing.h"

#include <unistd.h>

static char path[] = "/tmp/sluice-dotenv-XXXXXX";
static const char *const base_pairs[] = {"SET=outer", "EMPTY=", NULL};
static struct testing_environment base;

static struct dotenv *load(struct slice text, struct error *error)
{
    error_clear(error);
    EXPECT(testing_write(path, text));
    return dotenv_load(path, &base.environment, error);
}

static void value_is(const char *line, const char *wanted)
{
    struct error error;
    struct dotenv *dotenv = load(slice_from_cstr(line), &error);
    EXPECT(dotenv != NULL);
    if (dotenv == NULL) {
        printf("# %s: %s\n", line, error.text);
        return;
    }
    const struct config_environment *environment = dotenv_environment(dotenv);
    const char *value = environment->get(environment, "A");
    EXPECT(value != NULL);
    if (value != NULL) {
        EXPECT_SLICE(slice_from_cstr(value), wanted);
    }
    dotenv_free(dotenv);
}

static void reads_values(void)
{
    value_is("A=b", "b");
    value_is("A=b\n", "b");
    value_is("A=b\r\n", "b");
    value_is("A = b c \n", "b c");
    value_is("  export A=b", "b");
    value_is("export\tA=b", "b");
    value_is("A=", "");
    value_is("A=b=c", "b=c");
    value_is("A=b # comment", "b");
    value_is("A=b#c", "b#c");
    value_is("A= # comment", "");
    value_is("A='b # c'", "b # c");
    value_is("A='b' # c", "b");
    value_is("A=\"b\" # c", "b");
    value_is("A=\"b \\\"c\\\" \\\\ d\\n\\te\"", "b \"c\" \\ d\n\te");
    value_is("A='\\n'", "\\n");
    value_is("A=''", "");
    value_is("A=${B} $C", "${B} $C");
    value_is("# c\n\n \t\nA=1\nA=2\n", "2");
    value_is("\xef\xbb\xbf"
             "A=b",
             "b");
    value_is("A=ü", "ü");
}

static void refuses(struct slice text, const char *wanted)
{
    struct error error;
    struct dotenv *dotenv = load(text, &error);
    EXPECT(dotenv == NULL);
    EXPECT_SLICE(slice_from_cstr(error.code), wanted);
    EXPECT(strstr(error.text, "hidden") == NULL);
    dotenv_free(dotenv);
}

static void refuses_other_lines(void)
{
    static char large[70000];
    memset(large, '#', sizeof(large));
    refuses(SLICE("A"), "bad_dotenv");
    refuses(SLICE("=b"), "bad_dotenv");
    refuses(SLICE("1A=hidden"), "bad_dotenv");
    refuses(SLICE("A B=hidden"), "bad_dotenv");
    refuses(SLICE("A-B=hidden"), "bad_dotenv");
    refuses(SLICE("A=\"hidden"), "bad_dotenv");
    refuses(SLICE("A=\"hidden\\\""), "bad_dotenv");
    refuses(SLICE("A='hidden"), "bad_dotenv");
    refuses(SLICE("A=\"b\" hidden"), "bad_dotenv");
    refuses(SLICE("A=b\0c"), "bad_dotenv");
    refuses(SLICE("{\"A\": \"hidden\"}"), "bad_dotenv");
    refuses(slice_of(large, sizeof(large)), "unreadable_file");
    struct error error;
    EXPECT(load(SLICE("A=1\n# x\nB\n"), &error) == NULL);
    EXPECT(strstr(error.text, ":3: ") != NULL);
    EXPECT(dotenv_load("/nonexistent/.env", &base.environment, &error) == NULL);
    EXPECT_SLICE(slice_from_cstr(error.code), "unreadable_file");
    EXPECT(dotenv_load("/tmp", &base.environment, &error) == NULL);
    EXPECT_SLICE(slice_from_cstr(error.code), "unreadable_file");
}

static void wins_over_nothing_that_is_set(void)
{
    struct error error;
    struct dotenv *dotenv = load(SLICE("SET=inner\nEMPTY=inner\nNEW=inner\n"), &error);
    EXPECT(dotenv != NULL);
    if (dotenv != NULL) {
        const struct config_environment *environment = dotenv_environment(dotenv);
        EXPECT_SLICE(slice_from_cstr(environment->get(environment, "SET")), "outer");
        EXPECT_SLICE(slice_from_cstr(environment->get(environment, "EMPTY")), "");
        EXPECT_SLICE(slice_from_cstr(environment->get(environment, "NEW")), "inner");
        EXPECT(environment->get(environment, "NOTHING") == NULL);
        EXPECT(dotenv_has(dotenv, "SET") && dotenv_has(dotenv, "NEW"));
        EXPECT(!dotenv_has(dotenv, "NOTHING"));
    }
    dotenv_free(dotenv);
    dotenv_free(NULL);
}

int main(void)
{
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    (void)close(fd);
    base.environment.get = testing_get;
    base.environment.user = &base;
    base.pairs = base_pairs;
    TEST(reads_values, "reads values, quotes and comments");
    TEST(refuses_other_lines, "refuses what is no NAME=value, without showing it");
    TEST(wins_over_nothing_that_is_set, "wins over nothing that is set already");
    (void)unlink(path);
    return tap_done();
}
