/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of original bytes, by example and as properties of random documents. */
#include "codec/json.h"

#include "base/random.h"
#include "tests/tap.h"

static struct json_doc parsed(struct slice text)
{
    struct json_doc doc;
    struct error error;
    json_doc_init(&doc);
    if (!json_parse(&doc, text, NULL, &error)) {
        tap_point_failed = true;
        printf("# %.*s: %s\n", SLICE_ARG(text), error.text);
    }
    return doc;
}

static void expect_spliced(struct slice text, const struct json_edit *edits, size_t count,
                           const char *wanted)
{
    struct buf out = BUF_INIT(65536);
    EXPECT(json_splice(text, edits, count, &out));
    EXPECT_SLICE(buf_slice(&out), wanted);
    buf_release(&out);
}

static void splices(void)
{
    struct slice text = SLICE("{\"model\": \"auto\", \"n\":1}");
    const struct json_edit edits[] = {
        {0, 0, SLICE_INIT("<")},  {10, 16, SLICE_INIT("\"x\"")}, {16, 16, SLICE_INIT("!")},
        {16, 17, SLICE_INIT("")}, {24, 24, SLICE_INIT(">")},
    };
    expect_spliced(text, NULL, 0, "{\"model\": \"auto\", \"n\":1}");
    expect_spliced(text, edits, 5, "<{\"model\": \"x\"! \"n\":1}>");
    expect_spliced(text, edits + 1, 1, "{\"model\": \"x\", \"n\":1}");
    expect_spliced(SLICE_EMPTY, NULL, 0, "");
    expect_spliced(SLICE("abc"), &(struct json_edit){0, 3, SLICE_EMPTY}, 1, "");
}

static void splice_keeps_to_the_ceiling(void)
{
    struct buf out = BUF_INIT(5);
    EXPECT(!json_splice(SLICE("abc"), &(struct json_edit){1, 1, SLICE("xyz")}, 1, &out));
    EXPECT(out.failed && out.len == 0);
    buf_clear(&out);
    EXPECT(json_splice(SLICE("abc"), &(struct json_edit){1, 1, SLICE("xy")}, 1, &out));
    EXPECT_SLICE(buf_slice(&out), "axybc");
    buf_release(&out);
}

static void expect_removed(const char *text, const char *name, const char *wanted)
{
    struct json_doc doc = parsed(slice_from_cstr(text));
    uint32_t value = json_member(&doc, JSON_ROOT, slice_from_cstr(name));
    struct json_edit edit = json_edit_remove(&doc, JSON_ROOT, value - 1);
    expect_spliced(slice_from_cstr(text), &edit, 1, wanted);
    json_doc_release(&doc);
}

static void removes(void)
{
    expect_removed("{\"a\":1}", "a", "{}");
    expect_removed("{ \"a\" : 1 }", "a", "{  }");
    expect_removed("{\"a\":1,\"b\":2,\"c\":3}", "a", "{\"b\":2,\"c\":3}");
    expect_removed("{\"a\":1,\"b\":2,\"c\":3}", "b", "{\"a\":1,\"c\":3}");
    expect_removed("{\"a\":1,\"b\":2,\"c\":3}", "c", "{\"a\":1,\"b\":2}");
    expect_removed("{\"a\":1, \"b\": {\"x\":[2]} , \"c\":3}", "b", "{\"a\":1, \"c\":3}");
    expect_removed("{\n  \"a\": 1,\n  \"b\": 2\n}", "a", "{\n  \"b\": 2\n}");
    expect_removed("{\n  \"a\": 1,\n  \"b\": 2\n}", "b", "{\n  \"a\": 1\n}");
}

static void expect_appended(const char *text, const char *wanted)
{
    struct json_doc doc = parsed(slice_from_cstr(text));
    struct json_edit edit = json_edit_append(&doc, JSON_ROOT, SLICE("\"k\":0"), SLICE(",\"k\":0"));
    expect_spliced(slice_from_cstr(text), &edit, 1, wanted);
    json_doc_release(&doc);
}

static void appends(void)
{
    expect_appended("{}", "{\"k\":0}");
    expect_appended("{ }", "{ \"k\":0}");
    expect_appended("{\"a\":1}", "{\"a\":1,\"k\":0}");
    expect_appended("{\n  \"a\": {}\n} ", "{\n  \"a\": {},\"k\":0\n} ");
}

/* All removals of a set of the members a, b, c, with and without an append. */
static void expect_members(const char *text, unsigned set, const char *members, const char *wanted)
{
    struct json_doc doc = parsed(slice_from_cstr(text));
    uint32_t keys[8];
    size_t key_count = 0;
    unsigned n = 0;
    for (uint32_t i = json_first(&doc, JSON_ROOT); i != JSON_ABSENT;
         i = json_next(&doc, JSON_ROOT, i)) {
        if ((set >> n++ & 1) != 0) {
            keys[key_count++] = i;
        }
    }
    struct json_edit edits[10];
    size_t count =
        json_edit_members(&doc, JSON_ROOT, keys, key_count, slice_from_cstr(members), edits);
    EXPECT(count <= key_count + 2);
    expect_spliced(slice_from_cstr(text), edits, count, wanted);
    json_doc_release(&doc);
}

static void changes_members_together(void)
{
    static const char text[] = "{\"a\":1, \"b\":2, \"c\":3 }";
    static const char *const wanted[8][2] = {
        {"{\"a\":1, \"b\":2, \"c\":3 }", "{\"a\":1, \"b\":2, \"c\":3,\"k\":0 }"},
        {"{\"b\":2, \"c\":3 }", "{\"b\":2, \"c\":3,\"k\":0 }"},
        {"{\"a\":1, \"c\":3 }", "{\"a\":1, \"c\":3,\"k\":0 }"},
        {"{\"c\":3 }", "{\"c\":3,\"k\":0 }"},
        {"{\"a\":1, \"b\":2 }", "{\"a\":1, \"b\":2,\"k\":0 }"},
        {"{\"b\":2 }", "{\"b\":2,\"k\":0 }"},
        {"{\"a\":1 }", "{\"a\":1,\"k\":0 }"},
        {"{ }", "{\"k\":0 }"},
    };
    for (unsigned set = 0; set < 8; set++) {
        expect_members(text, set, "", wanted[set][0]);
        expect_members(text, set, "\"k\":0", wanted[set][1]);
    }
    expect_members("{}", 0, "\"k\":0", "{\"k\":0}");
    expect_members("{}", 0, "", "{}");
}

static void sorts(void)
{
    struct json_edit edits[] = {
        {9, 10, SLICE_INIT("e")}, {3, 5, SLICE_INIT("b")}, {3, 3, SLICE_INIT("x")},
        {5, 5, SLICE_INIT(",")},  {5, 5, SLICE_INIT("y")}, {0, 1, SLICE_INIT("a")},
    };
    json_edits_sort(edits, ARRAY_LEN(edits));
    expect_spliced(SLICE("0123456789"), edits, ARRAY_LEN(edits), "a12xb,y5678e");
    json_edits_sort(edits, 0);
}

/* --- properties ------------------------------------------------------------------------------- */

static void space_append(struct buf *out, struct random *random)
{
    static const char *const spaces[] = {"", "", "", " ", "\n  ", "\t", " \r\n"};
    (void)buf_append_cstr(out, spaces[random_below(random, ARRAY_LEN(spaces))]);
}

static void scalar_append(struct buf *out, struct random *random)
{
    static const char *const scalars[] = {
        "null", "true",     "1e5",       "-0.10",
        "\"\"", "\"a,b}\"", "\"\\\"]\"", "\"\xE4\xB8\xAD\\u0041\"",
        "0",    "\"key\"",
    };
    (void)buf_append_cstr(out, scalars[random_below(random, ARRAY_LEN(scalars))]);
}

static void value_append(struct buf *out, struct random *random, int depth);

static void container_append(struct buf *out, struct random *random, int depth, bool object)
{
    (void)buf_append_char(out, object ? '{' : '[');
    space_append(out, random);
    for (uint64_t i = 0, count = random_below(random, 5); i < count; i++) {
        if (i > 0) {
            (void)buf_append_char(out, ',');
            space_append(out, random);
        }
        if (object) {
            (void)buf_printf(out, "\"k%d\"", (int)random_below(random, 6));
            space_append(out, random);
            (void)buf_append_char(out, ':');
            space_append(out, random);
        }
        value_append(out, random, depth - 1);
        space_append(out, random);
    }
    (void)buf_append_char(out, object ? '}' : ']');
}

static void value_append(struct buf *out, struct random *random, int depth)
{
    uint64_t kind = depth == 0 ? 9 : random_below(random, 4);
    if (kind <= 1) {
        container_append(out, random, depth, kind == 0);
    } else {
        scalar_append(out, random);
    }
}

/* The members of the old object that stay, then the added one, are those of the new object, byte
   for byte. */
static void expect_same_members(const struct json_doc *before, uint32_t old, const bool *removed,
                                const struct json_doc *after, uint32_t new, bool added)
{
    uint32_t j = json_first(after, new);
    for (uint32_t i = json_first(before, old); i != JSON_ABSENT; i = json_next(before, old, i)) {
        if (removed[i]) {
            continue;
        }
        EXPECT(j != JSON_ABSENT);
        if (j == JSON_ABSENT) {
            return;
        }
        EXPECT(slice_eq(json_raw(before, i), json_raw(after, j)));
        EXPECT(slice_eq(json_raw(before, i + 1), json_raw(after, j + 1)));
        j = json_next(after, new, j);
    }
    if (added) {
        EXPECT(j != JSON_ABSENT);
        EXPECT(j != JSON_ABSENT && json_string_is(after, j, SLICE("added")));
        j = j == JSON_ABSENT ? j : json_next(after, new, j);
    }
    EXPECT_INT(j, JSON_ABSENT);
}

#define NODES_MAX 4096

/* Picks an object of the document, or JSON_ABSENT. Objects before it in the tape do not change
   their indices. */
static uint32_t object_pick(const struct json_doc *doc, struct random *random)
{
    uint32_t start = (uint32_t)random_below(random, doc->count);
    for (uint32_t n = 0; n < doc->count; n++) {
        uint32_t i = (start + n) % doc->count;
        if (json_is(doc, i, JSON_OBJECT)) {
            return i;
        }
    }
    return JSON_ABSENT;
}

/* Edits one object and compares it, and everything outside of it, with the original. */
static void edit_and_compare(const struct json_doc *before, struct slice text, uint32_t object,
                             struct random *random)
{
    static bool removed[NODES_MAX];
    uint32_t keys[8];
    size_t key_count = 0;
    memset(removed, 0, sizeof removed);
    for (uint32_t i = json_first(before, object); i != JSON_ABSENT;
         i = json_next(before, object, i)) {
        if (random_below(random, 2) == 0) {
            removed[i] = true;
            keys[key_count++] = i;
        }
    }
    bool add = random_below(random, 2) == 0;
    struct json_edit edits[10];
    struct slice members = add ? SLICE("\"added\":[1]") : SLICE_EMPTY;
    size_t count = json_edit_members(before, object, keys, key_count, members, edits);
    struct buf out = BUF_INIT((size_t)1 << 20);
    EXPECT(json_splice(text, edits, count, &out));
    struct json_doc after = parsed(buf_slice(&out));
    if (!tap_point_failed) {
        expect_same_members(before, object, removed, &after, object, add);
        const struct json_node *old = &before->nodes[object];
        const struct json_node *new = &after.nodes[object];
        EXPECT(slice_eq(slice_of(text.ptr, old->start), slice_of(out.ptr, new->start)));
        EXPECT(slice_eq(slice_from(text, old->end), slice_from(buf_slice(&out), new->end)));
        EXPECT_INT(json_count(&after, object), json_count(before, object) - key_count + add);
    }
    if (tap_point_failed) {
        printf("# before: %.*s\n# after: %.*s\n", SLICE_ARG(text), SLICE_ARG(buf_slice(&out)));
    }
    json_doc_release(&after);
    buf_release(&out);
}

static void random_documents(void)
{
    struct random random;
    random_seed(&random, 21);
    int edited = 0;
    for (int round = 0; round < 30000 && !tap_point_failed; round++) {
        struct buf text = BUF_INIT((size_t)1 << 20);
        space_append(&text, &random);
        container_append(&text, &random, 4, random_below(&random, 3) != 0);
        space_append(&text, &random);
        struct json_doc doc = parsed(buf_slice(&text));
        uint32_t object = doc.count > 0 ? object_pick(&doc, &random) : JSON_ABSENT;
        if (object != JSON_ABSENT && doc.count < NODES_MAX) {
            edit_and_compare(&doc, buf_slice(&text), object, &random);
            edited++;
        }
        json_doc_release(&doc);
        buf_release(&text);
    }
    EXPECT(edited > 20000);
}

/* One single removal is what json_edit_members gives for a set of one. */
static void single_and_joint_removal_agree(void)
{
    struct random random;
    random_seed(&random, 22);
    for (int round = 0; round < 5000 && !tap_point_failed; round++) {
        struct buf text = BUF_INIT((size_t)1 << 20);
        container_append(&text, &random, 2, true);
        struct json_doc doc = parsed(buf_slice(&text));
        for (uint32_t i = json_first(&doc, JSON_ROOT); i != JSON_ABSENT;
             i = json_next(&doc, JSON_ROOT, i)) {
            struct json_edit one = json_edit_remove(&doc, JSON_ROOT, i);
            struct json_edit joint[3];
            EXPECT_INT(json_edit_members(&doc, JSON_ROOT, &i, 1, SLICE_EMPTY, joint), 1);
            EXPECT(one.start == joint[0].start && one.end == joint[0].end && one.with.len == 0);
        }
        json_doc_release(&doc);
        buf_release(&text);
    }
}

int main(void)
{
    TEST(splices, "a splice replaces the listed spans and copies the rest");
    TEST(splice_keeps_to_the_ceiling, "a splice beyond the ceiling writes nothing");
    TEST(removes, "a removed member takes its comma with it");
    TEST(appends, "an appended member comes after the last value");
    TEST(changes_members_together,
         "every set of removals, with and without an append, leaves a valid object");
    TEST(sorts, "sorting keeps the order of edits at one place");
    TEST(random_documents, "edits of random objects change nothing else");
    TEST(single_and_joint_removal_agree, "a single removal is the same alone and in a set");
    return tap_done();
}
