/* SPDX-License-Identifier: Apache-2.0 */
#include "config/yaml.h"

#include "config/diagnostics.h"

#include "tests/tap.h"

#include <stdlib.h>

struct parsed {
    struct arena arena;
    struct diagnostics diagnostics;
    struct yaml *root;
    bool whole;
};

static struct parsed parse(struct slice text)
{
    struct parsed parsed = {.whole = false};
    arena_init(&parsed.arena, 64u << 20);
    parsed.root = yaml_parse(text, &parsed.arena, &parsed.diagnostics, &parsed.whole);
    return parsed;
}

static void parsed_release(struct parsed *parsed)
{
    diagnostics_release(&parsed->diagnostics);
    arena_release(&parsed->arena);
}

static struct yaml *at(const struct parsed *parsed, const char *path)
{
    struct slice rest = slice_from_cstr(path);
    struct yaml *node = parsed->root;
    while (rest.len > 0 && node != NULL) {
        node = yaml_member(node, slice_cut(&rest, '.'));
    }
    return node;
}

static void place_is(struct yaml_place place, unsigned line, unsigned column, unsigned length)
{
    EXPECT_INT(place.line, line);
    EXPECT_INT(place.column, column);
    EXPECT_INT(place.length, length);
}

static void keeps_structure_and_places(void)
{
    struct parsed p = parse(SLICE("a:\n  b: 1\n  'c d': \"x y\"\nlist: [p, {q: r}]\nö: ü\n"));
    EXPECT(p.whole);
    EXPECT_INT(p.diagnostics.count, 0);
    EXPECT_INT(p.root->kind, YAML_MAPPING);
    EXPECT_INT(p.root->count, 3);
    EXPECT_SLICE(at(&p, "a.b")->text, "1");
    EXPECT(at(&p, "a.b")->plain);
    place_is(at(&p, "a.b")->place, 2, 6, 1);
    place_is(at(&p, "a.b")->key_place, 2, 3, 1);
    EXPECT_SLICE(at(&p, "a.c d")->text, "x y");
    EXPECT(!at(&p, "a.c d")->plain);
    place_is(at(&p, "a.c d")->place, 3, 10, 5);
    place_is(at(&p, "a.c d")->key_place, 3, 3, 5);
    EXPECT_INT(at(&p, "list")->kind, YAML_SEQUENCE);
    EXPECT_INT(at(&p, "list")->count, 2);
    EXPECT_SLICE(at(&p, "list")->first->text, "p");
    EXPECT_SLICE(at(&p, "list")->last->first->key, "q");
    place_is(at(&p, "list")->last->place, 4, 11, 1);
    place_is(at(&p, "ö")->place, 5, 4, 1); /* columns are characters */
    EXPECT(at(&p, "a.nothing") == NULL);
    EXPECT(yaml_member(at(&p, "list"), SLICE("p")) == NULL);
    parsed_release(&p);
}

static void walks_every_node_once(void)
{
    struct parsed p = parse(SLICE("a: {b: [1, 2, {c: 3}], d: 4}\ne: 5\n"));
    size_t count = 0;
    struct slice last = SLICE_EMPTY;
    for (struct yaml *node = p.root; node != NULL; node = yaml_walk(p.root, node)) {
        count++;
        last = node->text;
    }
    EXPECT_INT(count, 9);
    EXPECT_SLICE(last, "5");
    struct yaml *inner = at(&p, "a.b");
    count = 0;
    for (struct yaml *node = inner; node != NULL; node = yaml_walk(inner, node)) {
        count++;
    }
    EXPECT_INT(count, 5);
    parsed_release(&p);
}

static void names_paths(void)
{
    struct parsed p = parse(SLICE("a: {b: [1, {c: 3}]}\n"));
    char path[64];
    char small[5];
    struct yaml *c = at(&p, "a.b")->last->first;
    EXPECT_SLICE(slice_from_cstr(yaml_path(c, path, sizeof(path))), "a.b.c");
    EXPECT_SLICE(slice_from_cstr(yaml_path(at(&p, "a.b")->first, path, sizeof(path))), "a.b");
    EXPECT_SLICE(slice_from_cstr(yaml_path(c, small, sizeof(small))), "a.b.");
    EXPECT_SLICE(slice_from_cstr(yaml_path(p.root, path, sizeof(path))), "");
    parsed_release(&p);
}

static void knows_null(void)
{
    struct parsed p = parse(SLICE("a:\nb: ~\nc: null\nd: ''\ne: 'null'\nf: {}\n"));
    EXPECT(yaml_is_null(at(&p, "a")));
    EXPECT(yaml_is_null(at(&p, "b")));
    EXPECT(yaml_is_null(at(&p, "c")));
    EXPECT(!yaml_is_null(at(&p, "d")));
    EXPECT(!yaml_is_null(at(&p, "e")));
    EXPECT(!yaml_is_null(at(&p, "f")));
    parsed_release(&p);
}

/* The text has exactly one diagnostic. */
static void finds_one(const char *text, const char *code, unsigned line, unsigned column,
                      bool whole)
{
    struct parsed p = parse(slice_from_cstr(text));
    EXPECT_INT(p.diagnostics.count, 1);
    EXPECT_INT(p.whole, whole);
    if (p.diagnostics.count == 1) {
        EXPECT_SLICE(slice_from_cstr(p.diagnostics.items[0].code), code);
        EXPECT_INT(p.diagnostics.items[0].line, line);
        EXPECT_INT(p.diagnostics.items[0].column, column);
    }
    parsed_release(&p);
}

static void goes_on_behind_mistakes(void)
{
    finds_one("a: 1\nb: 2\na: 3\n", "duplicate_key", 3, 1, true);
    finds_one("a: &x 1\nb: *x\nc: 1\n", "alias", 2, 4, true);
    finds_one("a: !!int 1\n", "tag", 1, 4, true);
    finds_one("a: !mine {}\n", "tag", 1, 4, true);
    finds_one("a: !mine []\n", "tag", 1, 4, true);
    finds_one("a: \"x\\0y\"\n", "bad_value", 1, 4, true);
    finds_one("\"x\\0y\": 1\n", "bad_key", 1, 1, true);
    struct parsed p = parse(SLICE("a: 1\na: 2\na: 3\nb: *x\nc: *y\n"));
    EXPECT_INT(p.diagnostics.errors, 4);
    EXPECT_INT(p.root->count, 5);
    EXPECT(!p.root->first->broken);
    EXPECT(p.root->first->next->broken);
    EXPECT(p.root->last->broken);
    parsed_release(&p);
}

static void ends_at_what_it_cannot_read(void)
{
    finds_one("a: 1\n---\nb: 2\n", "documents", 2, 1, false);
    finds_one("? [a]\n: b\n", "bad_key", 1, 3, false);
    finds_one("a: &x 1\n*x : 2\n", "alias", 2, 1, false);
    finds_one("a: [1\n", "syntax", 1, 4, false);
    finds_one("a: {b: 1\n", "syntax", 1, 4, false);
    finds_one("a: [1, 2\nb: 3\n", "syntax", 2, 2, false);
    finds_one("a: \"x\n", "syntax", 1, 4, false);
    finds_one("a: 'x\n\n\n", "syntax", 1, 4, false);
    finds_one("a:\n\tb: 1\n", "syntax", 2, 1, false);
    finds_one("a: b: c\n", "syntax", 1, 5, false);
    finds_one("a: @b\n", "syntax", 1, 4, false);
    finds_one("a: \"\\q\"\n", "syntax", 1, 5, false);
    finds_one("a:\n  b: 1\n c: 2\n", "syntax", 3, 2, false);
    finds_one("a: 1\nb: \x80\n", "syntax", 2, 4, false);
    finds_one("ä: 1\r\nb: \xc3\n", "syntax", 2, 4, false);
    finds_one("a: 1\rb: \x01\n", "syntax", 2, 4, false);
    finds_one("\xff\xfe"
              "a",
              "syntax", 1, 1, false);
}

static void keeps_what_stood_before_an_error(void)
{
    struct parsed p = parse(SLICE("a: { b: 1 }\nc:\n  d: [1\n"));
    EXPECT(!p.whole);
    EXPECT(p.root->broken); /* it was cut */
    EXPECT(at(&p, "a") != NULL && !at(&p, "a")->broken);
    EXPECT(at(&p, "c") != NULL && at(&p, "c")->broken);
    parsed_release(&p);
}

static void reads_nothing(void)
{
    struct parsed p = parse(SLICE_EMPTY);
    EXPECT(p.root == NULL && p.whole);
    parsed_release(&p);
    p = parse(SLICE("# only a comment\n\n"));
    EXPECT(p.root == NULL && p.whole);
    parsed_release(&p);
    p = parse(SLICE("\xef\xbb\xbf"
                    "a: 1\n"));
    EXPECT(p.whole && at(&p, "a") != NULL);
    parsed_release(&p);
}

static void repeat(struct buf *out, const char *text, size_t times)
{
    while (times-- > 0) {
        buf_append_cstr(out, text);
    }
}

static void ceiling(size_t times, const char *item, const char *before, const char *after,
                    const char *code)
{
    struct buf text = BUF_INIT(16u << 20);
    buf_append_cstr(&text, before);
    repeat(&text, item, times);
    buf_append_cstr(&text, after);
    struct parsed p = parse(buf_slice(&text));
    EXPECT_INT(p.whole, code == NULL);
    EXPECT_INT(p.diagnostics.count, code == NULL ? 0 : 1);
    if (code != NULL && p.diagnostics.count == 1) {
        EXPECT_SLICE(slice_from_cstr(p.diagnostics.items[0].code), code);
    }
    parsed_release(&p);
    buf_release(&text);
}

static void has_ceilings(void)
{
    ceiling(31, "[", "a: ", "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n", NULL);
    ceiling(32, "[", "a: ", "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n", "too_deep");
    ceiling(100000, "[", "a: ", "", "too_deep");
    ceiling(100000, "- ", "", "", "too_deep");
    ceiling(99998, "x,", "a: [", "]\n", NULL);
    ceiling(100000, "x,", "a: [", "]\n", "too_large");
    struct buf text = BUF_INIT(1u << 20);
    for (int i = 0; i <= 5000; i++) {
        buf_printf(&text, "k%d: v\n", i);
    }
    struct parsed p = parse(buf_slice(&text));
    EXPECT(!p.whole);
    EXPECT_INT(p.diagnostics.items[0].line, 5001);
    parsed_release(&p);
    buf_release(&text);
}

static void survives_a_small_arena(void)
{
    for (size_t budget = 0; budget < 4096; budget += 16) {
        struct arena arena;
        struct diagnostics diagnostics = {.items = NULL};
        bool whole;
        arena_init(&arena, budget);
        (void)yaml_parse(SLICE("a: {b: [c, d], e: f}\ng: h\n"), &arena, &diagnostics, &whole);
        EXPECT(whole ? !arena.exhausted : diagnostics.errors > 0);
        diagnostics_release(&diagnostics);
        arena_release(&arena);
    }
}

int main(void)
{
    TEST(keeps_structure_and_places, "keeps structure and places");
    TEST(walks_every_node_once, "walks every node once, in order");
    TEST(names_paths, "names the path of a node");
    TEST(knows_null, "knows null from empty text");
    TEST(goes_on_behind_mistakes, "goes on behind duplicates, aliases and tags");
    TEST(ends_at_what_it_cannot_read, "names the place of what it cannot read");
    TEST(keeps_what_stood_before_an_error, "keeps what stood before a syntax error");
    TEST(reads_nothing, "an empty text is no error");
    TEST(has_ceilings, "depth, values and members have ceilings");
    TEST(survives_a_small_arena, "survives an arena that is too small");
    return tap_done();
}
