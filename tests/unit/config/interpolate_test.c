/* SPDX-License-Identifier: Apache-2.0 */
#include "config/interpolate.h"

#include "tests/unit/config/config_testing.h"

#include <unistd.h>

static const char *const variables[] = {
    "KEY=value", "EMPTY=", "NEST=${KEY}", "YAML=a: {b: [c\n# d", "DOLLAR=$$", "_1=underscore", NULL,
};
static const char *file_name = "sluice.yaml";

/* One scalar after interpolation; the error's code when there is one. */
static struct slice expanded(const char *text, struct arena *arena, struct slice *ret_message)
{
    struct testing_environment environment = {.pairs = variables};
    environment.environment.get = testing_get;
    environment.environment.user = &environment;
    const struct config_options options = {.file = file_name,
                                           .environment = &environment.environment};
    struct yaml node = {.kind = YAML_SCALAR,
                        .place = {.line = 3, .column = 7, .length = 2},
                        .text = slice_from_cstr(text),
                        .written = slice_from_cstr(text),
                        .plain = true};
    struct diagnostics diagnostics = {.items = NULL};
    interpolate_tree(&node, &options, arena, &diagnostics);
    struct slice result = node.text;
    *ret_message = SLICE_EMPTY;
    if (diagnostics.count > 0) {
        EXPECT(node.broken);
        EXPECT_INT(diagnostics.items[0].line, 3);
        EXPECT_INT(diagnostics.items[0].column, 7);
        result = slice_from_cstr(diagnostics.items[0].code);
        *ret_message = arena_copy(arena, slice_from_cstr(diagnostics.items[0].message));
    }
    EXPECT_SLICE(node.written, text);
    diagnostics_release(&diagnostics);
    return result;
}

static void check(const char *text, const char *wanted)
{
    struct arena arena;
    struct slice message;
    arena_init(&arena, 1u << 20);
    EXPECT_SLICE(expanded(text, &arena, &message), wanted);
    arena_release(&arena);
}

static void replaces_variables(void)
{
    check("plain", "plain");
    check("${KEY}", "value");
    check("a${KEY}b${KEY}c", "avaluebvaluec");
    check("${_1}", "underscore");
    check("${MISSING:-default}", "default");
    check("${EMPTY:-default}", "default");
    check("${MISSING:-}", "");
    check("${MISSING:-a:-b}", "a:-b");
    check("${KEY:-default}", "value");
}

static void knows_dollar_signs(void)
{
    check("$", "$");
    check("$$", "$");
    check("$$$", "$$");
    check("$${KEY}", "${KEY}");
    check("$KEY", "$KEY");
    check("a$", "a$");
    check("cost: $5", "cost: $5");
}

static void values_are_not_read_again(void)
{
    check("${NEST}", "${KEY}");
    check("${DOLLAR}", "$$");
    check("${YAML}", "a: {b: [c\n# d");
}

static void refuses_what_it_cannot_replace(void)
{
    check("${MISSING}", "unset_variable");
    check("${EMPTY}", "unset_variable");
    check("${", "bad_reference");
    check("x${KEY", "bad_reference");
    check("${}", "bad_reference");
    check("${:-x}", "bad_reference");
    check("${1A}", "bad_reference");
    check("${A B}", "bad_reference");
    check("${KEY:?message}", "bad_reference");
    check("${KEY-default}", "bad_reference");
    check("${file:}", "bad_reference");
    check("${file:/nonexistent/secret}", "unreadable_file");
    check("${file:/}", "unreadable_file");
}

static void bounds_values(void)
{
    static char text[70000];
    char name[300];
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "$$", 2);
    check(text, "too_large");
    memset(name, 'A', sizeof(name));
    memcpy(name, "${", 2);
    name[298] = '}';
    name[299] = '\0';
    check(name, "bad_reference");
}

/* --- files --- */

static char folder[] = "/tmp/sluice-interpolate-XXXXXX";

static void write_file(const char *name, struct slice content)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    EXPECT(testing_write(path, content));
}

static void check_file(const char *name, const char *wanted)
{
    char text[200];
    snprintf(text, sizeof(text), "${file:%s/%s}", folder, name);
    check(text, wanted);
}

static void reads_files(void)
{
    static char large[33000];
    char config[200];
    memset(large, 'x', sizeof(large));
    write_file("key", SLICE("  the key\r\n\n"));
    write_file("empty", SLICE_EMPTY);
    write_file("binary", SLICE("a\0b"));
    write_file("large", slice_of(large, sizeof(large)));
    check_file("key", "the key");
    check_file("empty", "");
    check_file("binary", "unreadable_file");
    check_file("large", "unreadable_file");
    check("${file:key}", "unreadable_file");
    snprintf(config, sizeof(config), "%s/sluice.yaml", folder);
    file_name = config;
    check("${file:key}", "the key"); /* beside the configuration */
    check("${file: key }", "the key");
    check("Bearer ${file:key}!", "Bearer the key!");
    file_name = "sluice.yaml";
}

static void messages_have_no_values(void)
{
    struct arena arena;
    struct slice message;
    char text[200];
    arena_init(&arena, 1u << 20);
    (void)expanded("${KEY}${MISSING}", &arena, &message);
    EXPECT_SLICE(message, "the environment variable MISSING is not set");
    (void)expanded("${KEY}${EMPTY}", &arena, &message);
    EXPECT_SLICE(message, "the environment variable EMPTY is empty");
    snprintf(text, sizeof(text), "${file:%s/key}${", folder);
    (void)expanded(text, &arena, &message);
    EXPECT(message.len > 0 && slice_find_slice(message, SLICE("the key")) == SIZE_MAX);
    arena_release(&arena);
}

static void tells_literals_from_references(void)
{
    EXPECT(!interpolate_has_literal(SLICE("${KEY}")));
    EXPECT(!interpolate_has_literal(SLICE(" Bearer ${KEY} ")));
    EXPECT(!interpolate_has_literal(SLICE("${A}${B}")));
    EXPECT(!interpolate_has_literal(SLICE("${file:/run/key}")));
    EXPECT(!interpolate_has_literal(SLICE_EMPTY));
    EXPECT(interpolate_has_literal(SLICE("sk-1")));
    EXPECT(interpolate_has_literal(SLICE("sk-${KEY}")));
    EXPECT(interpolate_has_literal(SLICE("${KEY}x")));
    EXPECT(interpolate_has_literal(SLICE("${KEY:-sk-1}")));
    EXPECT(interpolate_has_literal(SLICE("${KEY")));
}

static void remove_files(void)
{
    static const char *const names[] = {"key", "empty", "binary", "large"};
    char path[200];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

int main(void)
{
    CHECK(mkdtemp(folder) != NULL);
    TEST(replaces_variables, "replaces variables, with defaults");
    TEST(knows_dollar_signs, "knows a dollar sign from a reference");
    TEST(values_are_not_read_again, "does not look into what it inserted");
    TEST(refuses_what_it_cannot_replace, "refuses what it cannot replace, at its place");
    TEST(bounds_values, "values and names have ceilings");
    TEST(reads_files, "reads files, beside the configuration and without white space around");
    TEST(messages_have_no_values, "messages name variables and never their values");
    TEST(tells_literals_from_references, "tells literals from references");
    remove_files();
    return tap_done();
}
