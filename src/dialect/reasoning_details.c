/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments of an element hold its type and place, and some more of its text; its seal comes last.
 * While an element grows its text is its last member, so that more of it goes before the closing
 * bytes.
 */
#include "dialect/reasoning_details.h"

#include "base/hash.h"
#include "dialect/member.h"

enum { DETAIL_TYPE, DETAIL_INDEX, DETAIL_TEXT, DETAIL_SUMMARY, DETAIL_SIGNATURE, DETAIL_MEMBERS };
static const struct member_name detail_names[DETAIL_MEMBERS] = {
    [DETAIL_TYPE] = MEMBER_NAME("type"),           [DETAIL_INDEX] = MEMBER_NAME("index"),
    [DETAIL_TEXT] = MEMBER_NAME("text"),           [DETAIL_SUMMARY] = MEMBER_NAME("summary"),
    [DETAIL_SIGNATURE] = MEMBER_NAME("signature"),
};
static const struct member_table detail_table = MEMBER_TABLE(detail_names);

#define OPEN_END SLICE("\"}")

void reasoning_details_init(struct reasoning_details *details, size_t limit)
{
    *details = (struct reasoning_details){.list = BUF_INIT(limit)};
    json_doc_init(&details->doc);
}

void reasoning_details_release(struct reasoning_details *details)
{
    buf_release(&details->list);
    json_doc_release(&details->doc);
}

static struct slice text_of(const struct json_doc *doc, uint32_t value)
{
    return json_is(doc, value, JSON_STRING) ? json_inner(doc, value) : SLICE_EMPTY;
}

/* Elements of one series have the same type and place. */
static uint64_t series_of(const struct json_doc *doc, const uint32_t *values)
{
    uint64_t type = hash_stable(text_of(doc, values[DETAIL_TYPE]));
    struct slice place =
        values[DETAIL_INDEX] == JSON_ABSENT ? SLICE("-") : json_raw(doc, values[DETAIL_INDEX]);
    return (type * 31 + hash_stable(place)) | 1;
}

/* The member that grows, or JSON_ABSENT. */
static uint32_t growing(const struct json_doc *doc, const uint32_t *values)
{
    uint32_t value =
        json_is(doc, values[DETAIL_TEXT], JSON_STRING) ? values[DETAIL_TEXT] : JSON_ABSENT;
    return json_is(doc, values[DETAIL_SUMMARY], JSON_STRING) ? values[DETAIL_SUMMARY] : value;
}

static void append_seal(struct reasoning_details *details, struct slice seal)
{
    if (seal.len > 0) {
        details->list.len--; /* the brace */
        buf_append(&details->list, SLICE(",\"signature\":\""));
        buf_append(&details->list, seal);
        buf_append(&details->list, OPEN_END);
        details->series = 0;
    }
}

/* The element with its text as the last member; a seal without value waits for its own. */
static void begin_series(struct reasoning_details *details, const uint32_t *values, uint32_t text)
{
    const struct json_doc *doc = &details->doc;
    struct buf *list = &details->list;
    buf_append_char(list, '{');
    for (uint32_t key = json_first(doc, JSON_ROOT); key != JSON_ABSENT;
         key = json_next(doc, JSON_ROOT, key)) {
        if (key + 1 != text && key + 1 != values[DETAIL_SIGNATURE]) {
            buf_append(list, json_raw(doc, key));
            buf_append_char(list, ':');
            buf_append(list, json_raw(doc, key + 1));
            buf_append_char(list, ',');
        }
    }
    buf_append(list, json_raw(doc, text - 1));
    buf_append(list, SLICE(":\""));
    buf_append(list, json_inner(doc, text));
    buf_append(list, OPEN_END);
    details->series = series_of(doc, values);
    append_seal(details, text_of(doc, values[DETAIL_SIGNATURE]));
}

static void continue_series(struct reasoning_details *details, const uint32_t *values,
                            uint32_t text)
{
    if (text != JSON_ABSENT) {
        details->list.len -= OPEN_END.len;
        buf_append(&details->list, json_inner(&details->doc, text));
        buf_append(&details->list, OPEN_END);
    }
    append_seal(details, text_of(&details->doc, values[DETAIL_SIGNATURE]));
}

bool reasoning_details_add(struct reasoning_details *details, struct slice element, bool fragment)
{
    uint32_t values[DETAIL_MEMBERS];
    struct buf *list = &details->list;
    if (!json_parse(&details->doc, element, &json_default_limits, NULL) ||
        json_kind(&details->doc, JSON_ROOT) != JSON_OBJECT || list->failed) {
        return false;
    }
    members_scan(&details->doc, JSON_ROOT, &detail_table, values);
    uint32_t text = fragment ? growing(&details->doc, values) : JSON_ABSENT;
    if (fragment && details->series != 0 && details->series == series_of(&details->doc, values)) {
        continue_series(details, values, text);
        return !list->failed;
    }
    buf_append(list, list->len > 0 ? SLICE(",") : SLICE(""));
    if (text == JSON_ABSENT) {
        details->series = 0;
        return buf_append(list, element);
    }
    begin_series(details, values, text);
    return !list->failed;
}
