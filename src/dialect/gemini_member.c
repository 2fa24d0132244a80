/* SPDX-License-Identifier: Apache-2.0 */
/* Members in two spellings, lists that may be a single object, and extras of nested objects. */
#include "dialect/gemini.h"

#include <stdio.h>

static bool refuse_spellings(struct reader *r, const char *inside, const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s%s%s", inside == NULL ? "" : inside,
                   inside == NULL ? "" : "/", name);
    return reader_refuse(r, "ambiguous_member", path,
                         "The member \"%s\" is given in two spellings.", name);
}

bool gemini_members_read(struct reader *r, uint32_t object, const char *inside,
                         const struct gemini_table *table, uint32_t *values, size_t *ret_unknown)
{
    if (!members_read(r, object, inside, &table->table, values, ret_unknown)) {
        return false;
    }
    for (uint32_t id = table->count; id < table->table.count; id++) {
        uint32_t *value = &values[table->of_alias[id - table->count]];
        if (values[id] == JSON_ABSENT) {
            continue;
        }
        if (*value != JSON_ABSENT) {
            return refuse_spellings(r, inside, table->table.names[id].text.ptr);
        }
        *value = values[id];
    }
    return true;
}

void gemini_members_scan(const struct json_doc *doc, uint32_t object,
                         const struct gemini_table *table, uint32_t *values)
{
    members_scan(doc, object, &table->table, values);
    for (uint32_t id = table->count; id < table->table.count; id++) {
        uint32_t *value = &values[table->of_alias[id - table->count]];
        *value = *value != JSON_ABSENT ? *value : values[id];
    }
}

/* Room for `count` more extras, at the end of what is there; NULL: out of memory. */
static struct chat_extra *extras_grow(struct reader *r, size_t count)
{
    struct chat *chat = r->chat;
    struct chat_extra *extras =
        arena_array(r->arena, chat->extra_count + count, sizeof *chat->extras);
    if (extras == NULL) {
        return NULL;
    }
    if (chat->extra_count > 0) {
        memcpy(extras, chat->extras, chat->extra_count * sizeof *extras);
    }
    chat->extras = extras;
    return extras + chat->extra_count;
}

bool gemini_extras_add(struct reader *r, uint32_t object, const struct gemini_table *table,
                       size_t unknown)
{
    if (unknown == 0) {
        return true;
    }
    struct chat_extra *extra = extras_grow(r, unknown);
    if (extra == NULL) {
        return reader_refuse_size(r);
    }
    for (uint32_t key = json_first(r->doc, object); key != JSON_ABSENT;
         key = json_next(r->doc, object, key)) {
        if (member_id(&table->table, r->doc, key) == MEMBER_UNKNOWN) {
            *extra++ = reader_extra(r->doc, key);
        }
    }
    r->chat->extra_count += unknown;
    return true;
}

bool gemini_extra_add(struct reader *r, uint32_t value)
{
    struct chat_extra *extra = extras_grow(r, 1);
    if (extra == NULL) {
        return reader_refuse_size(r);
    }
    *extra = reader_extra(r->doc, value - 1);
    r->chat->extra_count++;
    return true;
}

static bool refuse_item(struct reader *r, const char *member, uint32_t list, uint32_t item)
{
    char path[128];
    size_t index = 0;
    for (uint32_t i = json_first(r->doc, list); i != item; i = json_next(r->doc, list, i)) {
        index++;
    }
    (void)snprintf(path, sizeof path, "%s/%zu", member, index);
    return reader_refuse_type(r, path, "an object");
}

bool gemini_list_read(struct reader *r, uint32_t value, const char *member,
                      struct gemini_list *ret_list)
{
    *ret_list = (struct gemini_list){.first = JSON_ABSENT, .parent = JSON_ABSENT};
    if (!member_given(r->doc, value)) {
        return true;
    }
    if (json_kind(r->doc, value) == JSON_OBJECT) {
        ret_list->first = value;
        ret_list->count = 1;
        return true;
    }
    if (json_kind(r->doc, value) != JSON_ARRAY) {
        return reader_refuse_type(r, member, "an array of objects");
    }
    ret_list->parent = value;
    ret_list->first = json_first(r->doc, value);
    ret_list->count = json_count(r->doc, value);
    for (uint32_t i = ret_list->first; i != JSON_ABSENT; i = json_next(r->doc, value, i)) {
        if (json_kind(r->doc, i) != JSON_OBJECT) {
            return refuse_item(r, member, value, i);
        }
    }
    return true;
}

uint32_t gemini_list_next(const struct reader *r, const struct gemini_list *list, uint32_t item)
{
    return list->parent == JSON_ABSENT ? JSON_ABSENT : json_next(r->doc, list->parent, item);
}
