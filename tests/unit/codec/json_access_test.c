/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into documents: members, paths, duplicates, strings. */
#include "codec/json.h"

#include "tests/tap.h"

static struct json_doc parsed(const char *text)
{
    struct json_doc doc;
    struct error error;
    json_doc_init(&doc);
    if (!json_parse(&doc, slice_from_cstr(text), NULL, &error)) {
        tap_point_failed = true;
        printf("# %s: %s\n", text, error.text);
    }
    return doc;
}

static void a_member_given_twice_is_found(void)
{
    static const struct {
        const char *text;
        const char *key; /* NULL: none */
    } cases[] = {
        {"{}", NULL},
        {"{\"a\":1,\"b\":2,\"ab\":3}", NULL},
        {"{\"a\":{\"a\":1},\"b\":{\"a\":2}}", NULL},
        {"{\"a\":1,\"b\":2,\"a\":3}", "\"a\""},
        {"{\"a\":1,\"\\u0061\":3}", "\"\\u0061\""},
        {"{\"\\u0061b\":1,\"c\":0,\"ab\":3}", "\"ab\""},
        {"{\"\":1,\"\":3}", "\"\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json_doc doc = parsed(cases[i].text);
        uint32_t key = json_twice(&doc, JSON_ROOT);
        EXPECT_INT(key == JSON_ABSENT, cases[i].key == NULL);
        if (key != JSON_ABSENT && cases[i].key != NULL) {
            EXPECT_SLICE(json_raw(&doc, key), cases[i].key);
        }
        json_doc_release(&doc);
    }
}

static void members(void)
{
    struct json_doc doc = parsed("{\"a\":1,\"bb\":[{\"a\":2}],\"\":{},\"c\":\"a\"}");
    EXPECT_SLICE(json_raw(&doc, json_member(&doc, JSON_ROOT, SLICE("a"))), "1");
    EXPECT_SLICE(json_raw(&doc, json_member(&doc, JSON_ROOT, SLICE("bb"))), "[{\"a\":2}]");
    EXPECT_SLICE(json_raw(&doc, json_member(&doc, JSON_ROOT, SLICE(""))), "{}");
    EXPECT_SLICE(json_raw(&doc, json_member(&doc, JSON_ROOT, SLICE_EMPTY)), "{}");
    EXPECT_INT(json_member(&doc, JSON_ROOT, SLICE("b")), JSON_ABSENT);
    EXPECT_INT(json_member(&doc, JSON_ROOT, SLICE("bbb")), JSON_ABSENT);
    EXPECT_INT(json_member(&doc, JSON_ABSENT, SLICE("a")), JSON_ABSENT);
    EXPECT_INT(json_member(&doc, json_member(&doc, JSON_ROOT, SLICE("bb")), SLICE("a")),
               JSON_ABSENT);
    EXPECT_INT(json_member(&doc, json_member(&doc, JSON_ROOT, SLICE("c")), SLICE("a")),
               JSON_ABSENT);
    json_doc_release(&doc);
}

static void escaped_names(void)
{
    struct json_doc doc = parsed("{\"mod\\u0065l\":1,\"\\\"\\\\\\/"
                                 "\\b\\f\\n\\r\\t\":2,\"\\u4e2d\\ud83d\\ude00x\":3,\"\\ud800\":4}");
    EXPECT_SLICE(json_raw(&doc, json_member(&doc, JSON_ROOT, SLICE("model"))), "1");
    EXPECT_SLICE(json_raw(&doc, json_member(&doc, JSON_ROOT, SLICE("\"\\/\b\f\n\r\t"))), "2");
    EXPECT_SLICE(
        json_raw(&doc, json_member(&doc, JSON_ROOT, SLICE("\xE4\xB8\xAD\xF0\x9F\x98\x80x"))), "3");
    EXPECT_SLICE(json_raw(&doc, json_member(&doc, JSON_ROOT, SLICE("\xEF\xBF\xBD"))), "4");
    static const char *const others[] = {"mode",      "models", "mod\\u0065l", "mod", "modal",
                                         "model\x01", ""};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        EXPECT_INT(json_member(&doc, JSON_ROOT, slice_from_cstr(others[i])), JSON_ABSENT);
    }
    EXPECT(!json_string_is(&doc, json_member(&doc, JSON_ROOT, SLICE("model")), SLICE("1")));
    EXPECT(!json_string_is(&doc, JSON_ABSENT, SLICE("")));
    json_doc_release(&doc);
}

static void nul_in_names(void)
{
    struct json_doc doc = parsed("{\"a\\u0000b\":1,\"a\":2}");
    EXPECT_SLICE(json_raw(&doc, json_member(&doc, JSON_ROOT, SLICE("a"))), "2");
    EXPECT_SLICE(json_raw(&doc, json_member(&doc, JSON_ROOT, SLICE("a\0b"))), "1");
    json_doc_release(&doc);
}

static void paths(void)
{
    struct json_doc doc = parsed("{\"usage\":{\"prompt_tokens_details\":{\"cached_tokens\":7},"
                                 "\"x\":[1]},\"a.b\":1,\"\":{\"\":2}}");
    EXPECT_SLICE(
        json_raw(&doc, json_path(&doc, JSON_ROOT, "usage.prompt_tokens_details.cached_tokens")),
        "7");
    EXPECT_SLICE(json_raw(&doc, json_path(&doc, JSON_ROOT, "usage.x")), "[1]");
    EXPECT_INT(json_path(&doc, JSON_ROOT, "usage.x.y"), JSON_ABSENT);
    EXPECT_INT(json_path(&doc, JSON_ROOT, "usage.none.cached_tokens"), JSON_ABSENT);
    EXPECT_INT(json_path(&doc, JSON_ROOT, "a.b"), JSON_ABSENT);
    EXPECT_INT(json_path(&doc, JSON_ABSENT, "usage"), JSON_ABSENT);
    EXPECT_INT(json_path(&doc, JSON_ROOT, ""), JSON_ROOT);
    json_doc_release(&doc);
}

static void duplicates(void)
{
    struct json_doc doc = parsed("{\"a\":1,\"b\":{\"a\":9},\"a\":2,\"\\u0061\":3}");
    EXPECT_SLICE(json_raw(&doc, json_member(&doc, JSON_ROOT, SLICE("a"))), "1");
    int found = 0;
    for (uint32_t i = json_first(&doc, JSON_ROOT); i != JSON_ABSENT;
         i = json_next(&doc, JSON_ROOT, i)) {
        found += json_string_is(&doc, i, SLICE("a"));
    }
    EXPECT_INT(found, 3);
    json_doc_release(&doc);
}

static void iteration(void)
{
    struct json_doc doc = parsed("[[1,[2]],{\"k\":{\"x\":[]}},\"s\"]");
    EXPECT_INT(json_count(&doc, JSON_ROOT), 3);
    static const char *const wanted[] = {"[1,[2]]", "{\"k\":{\"x\":[]}}", "\"s\""};
    size_t n = 0;
    for (uint32_t i = json_first(&doc, JSON_ROOT); i != JSON_ABSENT;
         i = json_next(&doc, JSON_ROOT, i)) {
        EXPECT_SLICE(json_raw(&doc, i), wanted[n % 3]);
        n++;
    }
    EXPECT_INT(n, 3);
    json_doc_release(&doc);
}

static void counts(void)
{
    struct json_doc doc = parsed("{\"a\":[],\"b\":{},\"c\":[[],[],[]],\"d\":\"x\"}");
    EXPECT_INT(json_count(&doc, JSON_ROOT), 4);
    EXPECT_INT(json_count(&doc, json_path(&doc, JSON_ROOT, "a")), 0);
    EXPECT_INT(json_count(&doc, json_path(&doc, JSON_ROOT, "b")), 0);
    EXPECT_INT(json_count(&doc, json_path(&doc, JSON_ROOT, "c")), 3);
    EXPECT_INT(json_count(&doc, json_path(&doc, JSON_ROOT, "d")), 0);
    EXPECT_INT(json_count(&doc, JSON_ABSENT), 0);
    json_doc_release(&doc);
}

static void booleans(void)
{
    struct json_doc doc = parsed("[true,false,null,1,\"true\"]");
    bool value = false;
    EXPECT(json_bool(&doc, 1, &value) && value);
    EXPECT(json_bool(&doc, 2, &value) && !value);
    value = true;
    EXPECT(!json_bool(&doc, 3, &value) && !json_bool(&doc, 4, &value) &&
           !json_bool(&doc, 5, &value));
    EXPECT(!json_bool(&doc, JSON_ABSENT, &value) && value);
    json_doc_release(&doc);
}

static void strings(void)
{
    struct arena arena;
    arena_init(&arena, 64);
    struct json_doc doc =
        parsed("[\"plain\",\"a\\nb\\u4e2d\",\"\",5,\"\\ud83d\\ude00\",\"\\udead!\"]");
    struct slice plain = json_string(&doc, 1, &arena);
    EXPECT_SLICE(plain, "plain");
    EXPECT(plain.ptr == doc.text + 2);
    EXPECT_INT(arena.used, 0);
    EXPECT_SLICE(json_string(&doc, 2, &arena), "a\nb\xE4\xB8\xAD");
    EXPECT_INT(json_string(&doc, 3, &arena).len, 0);
    EXPECT_INT(json_string(&doc, 4, &arena).len, 0);
    EXPECT_SLICE(json_string(&doc, 5, &arena), "\xF0\x9F\x98\x80");
    EXPECT_SLICE(json_string(&doc, 6, &arena), "\xEF\xBF\xBD!");
    EXPECT_INT(json_string(&doc, JSON_ABSENT, &arena).len, 0);
    EXPECT(!arena.exhausted);
    arena_release(&arena);
    json_doc_release(&doc);
}

static void exhausted_arena(void)
{
    struct arena arena;
    arena_init(&arena, 8);
    struct json_doc doc = parsed("\"0123456789012345678901234567\\n\"");
    EXPECT_INT(json_string(&doc, JSON_ROOT, &arena).len, 0);
    EXPECT(arena.exhausted);
    arena_release(&arena);
    json_doc_release(&doc);
}

int main(void)
{
    TEST(members, "members are found by name in their own object");
    TEST(escaped_names, "names are compared after unescaping");
    TEST(nul_in_names, "an escaped NUL is a character like others");
    TEST(paths, "paths descend through objects only");
    TEST(duplicates, "the first of duplicate members is found, iteration shows all");
    TEST(a_member_given_twice_is_found, "a member given twice is found in any spelling");
    TEST(iteration, "iteration steps over whole subtrees");
    TEST(counts, "children are counted, members once");
    TEST(booleans, "only true and false are booleans");
    TEST(strings, "strings are copied only when something is escaped");
    TEST(exhausted_arena, "an exhausted arena gives the empty string");
    return tap_done();
}
