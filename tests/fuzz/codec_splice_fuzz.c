/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edits of any document: the first eight bytes seed the choice of edits (members removed from and
 * added to one object, scalars replaced anywhere), the rest is the document. The result must be
 * valid JSON, hold what was listed, and be equal to the original byte for byte outside of the
 * edited spans.
 */
#include "base/random.h"
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NODES_MAX 2048u
#define ADDED SLICE("\"added\\u0021\" : [{}]")
#define REPLACED SLICE("{\"new\":\"]\"}")

enum fate { KEPT, REMOVED, REPLACED_VALUE };

struct plan {
    enum fate fates[NODES_MAX];
    struct json_edit edits[2 * NODES_MAX];
    size_t count;
    uint32_t object; /* the one whose members change */
    bool adds;
};

static void subtree_remove(const struct json_doc *doc, struct plan *plan, uint32_t key)
{
    for (uint32_t i = key; i < doc->nodes[key + 1].next; i++) {
        plan->fates[i] = REMOVED;
    }
}

static void members_choose(const struct json_doc *doc, struct plan *plan, struct random *random)
{
    static uint32_t keys[NODES_MAX];
    size_t key_count = 0;
    plan->object = (uint32_t)random_below(random, doc->count);
    if (!json_is(doc, plan->object, JSON_OBJECT)) {
        plan->object = JSON_ABSENT;
        return;
    }
    uint64_t one_in = 1 + random_below(random, 3);
    for (uint32_t i = json_first(doc, plan->object); i != JSON_ABSENT;
         i = json_next(doc, plan->object, i)) {
        if (random_below(random, one_in) == 0) {
            keys[key_count++] = i;
            subtree_remove(doc, plan, i);
        }
    }
    plan->adds = random_below(random, 2) == 0;
    struct slice members = plan->adds ? ADDED : SLICE_EMPTY;
    plan->count = json_edit_members(doc, plan->object, keys, key_count, members, plan->edits);
    CHECK(plan->count <= key_count + 2);
}

/* Is node i the name of a member? Its parent iterates over it as a key. */
static void mark_keys(const struct json_doc *doc, bool *is_key)
{
    memset(is_key, 0, NODES_MAX * sizeof *is_key);
    for (uint32_t object = 0; object < doc->count; object++) {
        if (json_is(doc, object, JSON_OBJECT)) {
            for (uint32_t i = json_first(doc, object); i != JSON_ABSENT;
                 i = json_next(doc, object, i)) {
                is_key[i] = true;
            }
        }
    }
}

static void scalars_choose(const struct json_doc *doc, struct plan *plan, struct random *random)
{
    static bool is_key[NODES_MAX];
    mark_keys(doc, is_key);
    uint64_t one_in = 1 + random_below(random, 8);
    for (uint32_t i = 0; i < doc->count; i++) {
        bool scalar = json_kind(doc, i) < JSON_ARRAY && !is_key[i];
        if (scalar && plan->fates[i] == KEPT && random_below(random, one_in) == 0) {
            plan->fates[i] = REPLACED_VALUE;
            plan->edits[plan->count++] =
                (struct json_edit){doc->nodes[i].start, doc->nodes[i].end, REPLACED};
        }
    }
}

/* The bytes between the edits, and the edits, in their order and nothing else. */
static void check_bytes(struct slice text, const struct plan *plan, struct slice out)
{
    size_t at = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct json_edit *edit = &plan->edits[i];
        CHECK(edit->start >= at && edit->end >= edit->start);
        CHECK(slice_starts(out, slice_of(text.ptr + at, edit->start - at)));
        out = slice_from(out, edit->start - at);
        CHECK(slice_starts(out, edit->with));
        out = slice_from(out, edit->with.len);
        at = edit->end;
    }
    CHECK(slice_eq(out, slice_from(text, at)));
}

static uint32_t skip_removed(const struct json_doc *doc, const struct plan *plan, uint32_t parent,
                             uint32_t i)
{
    while (i != JSON_ABSENT && plan->fates[i] == REMOVED) {
        i = json_next(doc, parent, i);
    }
    return i;
}

static void compare(const struct json_doc *before, uint32_t i, const struct json_doc *after,
                    uint32_t j, const struct plan *plan);

/* Depth is that of the document: bounded by the reader. */
static void compare_children(const struct json_doc *before, uint32_t old,
                             const struct json_doc *after, uint32_t new, const struct plan *plan)
{
    bool object = json_is(before, old, JSON_OBJECT);
    uint32_t i = skip_removed(before, plan, old, json_first(before, old));
    uint32_t j = json_first(after, new);
    while (i != JSON_ABSENT) {
        CHECK(j != JSON_ABSENT);
        CHECK(!object || slice_eq(json_raw(before, i), json_raw(after, j)));
        compare(before, i + object, after, j + object, plan);
        i = skip_removed(before, plan, old, json_next(before, old, i));
        j = json_next(after, new, j);
    }
    if (plan->adds && old == plan->object) {
        CHECK(j != JSON_ABSENT && json_string_is(after, j, SLICE("added!")));
        j = json_next(after, new, j);
    }
    CHECK(j == JSON_ABSENT);
}

static void compare(const struct json_doc *before, uint32_t i, const struct json_doc *after,
                    uint32_t j, const struct plan *plan)
{
    if (plan->fates[i] == REPLACED_VALUE) {
        CHECK(slice_eq(json_raw(after, j), REPLACED));
        return;
    }
    CHECK(json_kind(before, i) == json_kind(after, j));
    if (json_kind(before, i) < JSON_ARRAY) {
        CHECK(slice_eq(json_raw(before, i), json_raw(after, j)));
        return;
    }
    compare_children(before, i, after, j, plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_doc before;
    static struct json_doc after;
    static struct plan plan;
    static struct buf out;
    uint64_t seed;
    if (size < sizeof seed || size > (size_t)1 << 16) {
        return 0;
    }
    memcpy(&seed, data, sizeof seed);
    struct slice text = slice_of((const char *)data + sizeof seed, size - sizeof seed);
    const struct json_limits limits = {.depth = 100, .nodes = NODES_MAX};
    if (!json_parse(&before, text, &limits, NULL)) {
        return 0;
    }
    struct random random;
    random_seed(&random, seed);
    memset(&plan, 0, sizeof plan);
    members_choose(&before, &plan, &random);
    scalars_choose(&before, &plan, &random);
    json_edits_sort(plan.edits, plan.count);
    buf_release(&out);
    buf_init(&out, (size_t)1 << 20);
    CHECK(json_splice(text, plan.edits, plan.count, &out));
    check_bytes(text, &plan, buf_slice(&out));
    CHECK(json_parse(&after, buf_slice(&out), NULL, NULL));
    compare(&before, JSON_ROOT, &after, JSON_ROOT, &plan);
    return 0;
}
