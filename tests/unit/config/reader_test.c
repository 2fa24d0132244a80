/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reader.h"

#include "config/validate.h"

#include "tests/tap.h"

#include <stdlib.h>

struct reading {
    struct arena arena;
    struct diagnostics diagnostics;
    struct snapshot snapshot;
    struct config_options options;
    struct reader reader;
};

static struct reader *begin(struct reading *r, const char *text)
{
    bool whole;
    memset(r, 0, sizeof(*r));
    arena_init(&r->arena, 1u << 20);
    r->options.file = "/etc/s.yaml";
    struct yaml *root = yaml_parse(slice_from_cstr(text), &r->arena, &r->diagnostics, &whole);
    validate_tree(root, &r->diagnostics);
    r->reader = (struct reader){.root = root,
                                .arena = &r->arena,
                                .diagnostics = &r->diagnostics,
                                .options = &r->options,
                                .snapshot = &r->snapshot};
    return &r->reader;
}

static void end(struct reading *r)
{
    diagnostics_release(&r->diagnostics);
    arena_release(&r->arena);
}

static void reads_values_and_defaults(void)
{
    struct reading r;
    struct reader *reader = begin(&r, "server: { workers: 3, connections: many }\nlog:\n"
                                      "ledger: { path: x/y.db }\n");
    const struct yaml *server = setting_section(reader, "server");
    EXPECT_INT(setting_number(server, "server.workers"), 3);
    EXPECT(setting_given(server, "server.workers"));
    EXPECT_INT(setting_number(server, "server.connections"), 16384); /* reported, so the default */
    EXPECT(!setting_given(server, "server.connections"));
    EXPECT(setting_attempted(server, "server.connections"));
    EXPECT(!setting_attempted(server, "server.listen"));
    EXPECT_INT(setting_number(NULL, "server.head_bytes"), 32768);
    EXPECT_INT(setting_number(NULL, "routes.*.max_latency_ms"), 0);
    EXPECT_SLICE(setting_text(NULL, "ledger.path"), "sluice.db");
    EXPECT_INT(setting_text(NULL, "server.tls.key").len, 0);
    EXPECT(setting_section(reader, "log") != NULL && !setting_given(reader->root, "log"));
    EXPECT(setting_section(reader, "keys") == NULL);
    const struct yaml *ledger = setting_section(reader, "ledger");
    EXPECT_SLICE(setting_path(reader, ledger, "ledger.path"), "/etc/x/y.db");
    end(&r);
}

static void reads_lists(void)
{
    struct reading r;
    struct slice *items;
    struct reader *reader = begin(&r, "server: { listen: [a, [b], c] }\n"
                                      "routes: { x: { targets: one }, y: { targets: {} } }\n");
    const struct yaml *server = setting_section(reader, "server");
    const struct yaml *routes = setting_section(reader, "routes");
    EXPECT_INT(setting_list(reader, server, "server.listen", &items), 2);
    EXPECT_SLICE(items[0], "a");
    EXPECT_SLICE(items[1], "c");
    EXPECT_INT(setting_list(reader, NULL, "server.listen", &items), 1);
    EXPECT_SLICE(items[0], "127.0.0.1:4141");
    const struct yaml *x = yaml_member(routes, SLICE("x"));
    EXPECT_INT(setting_list(reader, x, "routes.*.targets", &items), 1);
    EXPECT_SLICE(items[0], "one");
    const struct yaml *y = yaml_member(routes, SLICE("y"));
    EXPECT_INT(setting_list(reader, y, "routes.*.targets", &items), 0);
    EXPECT_INT(member_count(routes), 2);
    EXPECT_INT(member_count(NULL), 0);
    EXPECT_INT(item_count(NULL), 0);
    EXPECT_INT(item_count(routes), 0);
    EXPECT_INT(place_of_key(NULL).line, 0);
    EXPECT_INT(place_of_key(server).line, 1);
    end(&r);
}

static void skips_broken_members(void)
{
    struct reading r;
    struct reader *reader = begin(&r, "providers: { a: {}, a: {}, b: x, c: {} }\n");
    const struct yaml *providers = setting_section(reader, "providers");
    EXPECT_INT(member_count(providers), 2);
    EXPECT_SLICE(member_first(providers)->key, "a");
    EXPECT_SLICE(member_next(member_first(providers))->key, "c");
    end(&r);
}

static void names_are(const char *name, bool valid, bool in_paths)
{
    struct reading r;
    struct reader *reader = begin(&r, "server: {}\n");
    const struct yaml node = {.key = slice_from_cstr(name),
                              .key_place = {.line = 1, .column = 1, .length = 1}};
    EXPECT_INT(check_name(reader, &node, "thing", in_paths), valid);
    EXPECT_INT(r.diagnostics.errors, valid ? 0 : 1);
    end(&r);
}

static void names_can_be_sent(void)
{
    names_are("gpt-4", true, true);
    names_are("openai/gpt-4", true, false);
    names_are("openai/gpt-4", false, true);
    names_are("llama3.2:latest@sha256", true, true);
    names_are("", false, false);
    names_are("a b", false, false);
    names_are("a,b", false, false);
    names_are("a\nb", false, false);
    names_are("a\"b", false, false);
    names_are("ü", false, false);
}

static struct slice word_at(const void *owner, size_t i)
{
    const char *const *words = owner;
    return slice_from_cstr(words[i]);
}

static void hint_is(const char *name, size_t count, const char *wanted)
{
    static const char *const words[] = {"alpha", "beta", "gamma", "d", "e", "f",
                                        "g",     "h",    "i",     "j", "k", "l"};
    struct reading r;
    struct reader *reader = begin(&r, "server: {}\n");
    report_unknown_name(reader, YAML_NO_PLACE, slice_from_cstr(name), "word", word_at, words,
                        count);
    EXPECT_SLICE(slice_from_cstr(r.diagnostics.items[0].hint), wanted);
    end(&r);
}

static void suggests_names(void)
{
    hint_is("alhpa", 3, "did you mean \"alpha\"?");
    hint_is("BETA", 3, "did you mean \"beta\"?");
    hint_is("omega", 3, "there are: alpha, beta, gamma");
    hint_is("z", 12, "there are: alpha, beta, gamma, d, e, f, g, h, i, j and 2 more");
    hint_is("z", 0, "");
}

int main(void)
{
    TEST(reads_values_and_defaults, "reads values, and defaults where there is none");
    TEST(reads_lists, "reads lists, or one text as a list");
    TEST(skips_broken_members, "skips what was reported already");
    TEST(names_can_be_sent, "names can be sent in a header");
    TEST(suggests_names, "suggests the name that is near, or lists some");
    return tap_done();
}
