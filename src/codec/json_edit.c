/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing a document without rewriting it: edits name spans of the original bytes, and all other
 * bytes, with their order, spacing and spelling, are copied as they are.
 *
 * Who owns which comma depends on what else is removed: in {"a":1,"b":2} removing b takes the comma
 * before it and removing a the one after it, so the two edits overlap although each is right alone.
 * json_edit_members() sees all changes of an object at once and is right for every choice.
 */
#include "codec/json.h"

bool json_splice(struct slice text, const struct json_edit *edits, size_t count, struct buf *out)
{
    size_t size = text.len;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        CHECK(edits[i].start >= at && edits[i].end >= edits[i].start && edits[i].end <= text.len);
        at = edits[i].end;
        size = size - (edits[i].end - edits[i].start) + edits[i].with.len;
    }
    if (buf_reserve(out, size) == NULL) {
        return false;
    }
    at = 0;
    for (size_t i = 0; i < count; i++) {
        (void)buf_append(out, slice_of(text.ptr + at, edits[i].start - at));
        (void)buf_append(out, edits[i].with);
        at = edits[i].end;
    }
    return buf_append(out, slice_of(text.ptr + at, text.len - at));
}

static bool edit_before(const struct json_edit *a, const struct json_edit *b)
{
    return a->start != b->start ? a->start < b->start : a->end < b->end;
}

void json_edits_sort(struct json_edit *edits, size_t count)
{
    /* few and nearly sorted: insertion, which keeps the order of equal places */
    for (size_t i = 1; i < count; i++) {
        struct json_edit edit = edits[i];
        size_t j = i;
        for (; j > 0 && edit_before(&edit, &edits[j - 1]); j--) {
            edits[j] = edits[j - 1];
        }
        edits[j] = edit;
    }
}

/* The key of the last member, or JSON_ABSENT. */
static uint32_t last_key(const struct json_doc *doc, uint32_t object)
{
    uint32_t last = JSON_ABSENT;
    for (uint32_t i = json_first(doc, object); i != JSON_ABSENT; i = json_next(doc, object, i)) {
        last = i;
    }
    return last;
}

/* The edit that removes the members `first` to `last`, which stand in a row; `before` is the key of
   the member that stays before them, JSON_ABSENT when there is none. */
static struct json_edit run_remove(const struct json_doc *doc, uint32_t object, uint32_t before,
                                   uint32_t first, uint32_t last)
{
    struct json_edit edit = {doc->nodes[first].start, doc->nodes[last + 1].end, SLICE_EMPTY};
    uint32_t next = json_next(doc, object, last);
    if (next != JSON_ABSENT) {
        edit.end = doc->nodes[next].start;
    } else if (before != JSON_ABSENT) {
        edit.start = doc->nodes[before + 1].end;
    }
    return edit;
}

struct json_edit json_edit_remove(const struct json_doc *doc, uint32_t object, uint32_t key)
{
    uint32_t before = JSON_ABSENT;
    uint32_t i = json_first(doc, object);
    while (i != JSON_ABSENT && i != key) {
        before = i;
        i = json_next(doc, object, i);
    }
    CHECK(i == key && key != JSON_ABSENT);
    return run_remove(doc, object, before, key, key);
}

/* Where a member is added: after the last value, or before the bracket of an empty object. */
static uint32_t append_place(const struct json_doc *doc, uint32_t object)
{
    uint32_t last = last_key(doc, object);
    return last == JSON_ABSENT ? doc->nodes[object].end - 1 : doc->nodes[last + 1].end;
}

struct json_edit json_edit_append(const struct json_doc *doc, uint32_t object, struct slice member,
                                  struct slice member_with_comma)
{
    CHECK(json_is(doc, object, JSON_OBJECT));
    uint32_t place = append_place(doc, object);
    bool empty = json_first(doc, object) == JSON_ABSENT;
    return (struct json_edit){place, place, empty ? member : member_with_comma};
}

/* Walks the members once beside the sorted list of those to remove; *ret_kept is the last member
   that stays. */
static size_t members_remove(const struct json_doc *doc, uint32_t object, const uint32_t *keys,
                             size_t key_count, struct json_edit *edits, uint32_t *ret_kept)
{
    uint32_t kept = JSON_ABSENT;
    size_t done = 0;
    size_t count = 0;
    uint32_t i = json_first(doc, object);
    while (i != JSON_ABSENT) {
        uint32_t first = i;
        uint32_t last = JSON_ABSENT;
        while (i != JSON_ABSENT && done < key_count && keys[done] == i) {
            last = i;
            done++;
            i = json_next(doc, object, i);
        }
        if (last != JSON_ABSENT) {
            edits[count++] = run_remove(doc, object, kept, first, last);
        } else {
            kept = i;
            i = json_next(doc, object, i);
        }
    }
    CHECK(done == key_count);
    *ret_kept = kept;
    return count;
}

size_t json_edit_members(const struct json_doc *doc, uint32_t object, const uint32_t *keys,
                         size_t key_count, struct slice members, struct json_edit *edits)
{
    CHECK(json_is(doc, object, JSON_OBJECT));
    uint32_t kept;
    size_t count = members_remove(doc, object, keys, key_count, edits, &kept);
    if (members.len == 0) {
        return count;
    }
    uint32_t place = append_place(doc, object);
    if (kept != JSON_ABSENT) {
        edits[count++] = (struct json_edit){place, place, SLICE(",")};
    }
    edits[count++] = (struct json_edit){place, place, members};
    return count;
}
