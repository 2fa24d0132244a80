/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/translate.h"

#include "base/check.h"

#include "dialect/place.h"

#include <stdio.h>

#define CACHE_MARKS_MAX 4u

#define MEMBER_MAX 64u

void loss_add_message(struct loss *loss, size_t index, struct slice member)
{
    char name[MEMBER_MAX + 40];
    size_t length = member.len > MEMBER_MAX ? MEMBER_MAX : member.len;
    (void)snprintf(name, sizeof name, "messages.%zu.%.*s", index, (int)length, member.ptr);
    loss_add(loss, slice_from_cstr(name));
}

static bool is_among(struct slice key, const struct slice *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (json_inner_is(key, names[i])) {
            return true;
        }
    }
    return false;
}

/* Null, "" and []: clients' libraries write members that nobody set. An empty object may be a wish
 * (web_search_options), but not where it is a list of pairs. */
static bool says_nothing(const struct chat_extra *extra)
{
    static const struct slice pairs[] = {SLICE_INIT("logit_bias"), SLICE_INIT("metadata"),
                                         SLICE_INIT("labels")};
    struct slice value = extra->value;
    return slice_eq(value, SLICE("null")) || slice_eq(value, SLICE("\"\"")) ||
           slice_eq(value, SLICE("[]")) ||
           (slice_eq(value, SLICE("{}")) && is_among(extra->key, pairs, ARRAY_LEN(pairs)));
}

/* Is it listed as an extra? Some readers keep those of their own wishes by their bare names. */
static bool is_extra(const struct chat *chat, struct slice name, const struct slice *carried,
                     size_t carried_count)
{
    struct slice last = name;
    struct slice rest = name;
    struct slice first = slice_cut(&rest, '.');
    while (last.len > 0) {
        struct slice step = last;
        (void)slice_cut(&step, '.');
        if (step.len == 0) {
            break;
        }
        last = step;
    }
    for (size_t i = 0; i < chat->extra_count; i++) {
        struct slice key = chat->extras[i].key;
        bool told = slice_eq(key, first) && !is_among(key, carried, carried_count);
        if (told || slice_eq(key, last)) {
            return true;
        }
    }
    for (size_t i = 0; i < chat->message_count; i++) {
        for (size_t j = 0; j < chat->messages[i].extra_count; j++) {
            if (slice_eq(chat->messages[i].extras[j].key, last)) {
                return true;
            }
        }
    }
    return false;
}

static void add_odd(struct loss *loss, const struct chat *chat, const struct slice *carried,
                    size_t carried_count)
{
    const struct chat_odd *odd = chat->operation == OPERATION_EMBEDDING ? NULL : chat->odd;
    for (; odd != NULL; odd = odd->next) {
        if (!is_extra(chat, odd->name, carried, carried_count)) {
            loss_add(loss, odd->name);
        }
    }
}

void loss_add_extras(struct loss *loss, const struct chat *chat)
{
    loss_add_extras_but(loss, chat, NULL, 0);
}

void loss_add_extras_but(struct loss *loss, const struct chat *chat, const struct slice *carried,
                         size_t carried_count)
{
    for (size_t i = 0; i < chat->extra_count; i++) {
        if (!is_among(chat->extras[i].key, carried, carried_count) &&
            !says_nothing(&chat->extras[i])) {
            loss_add(loss, chat->extras[i].key);
        }
    }
    add_odd(loss, chat, carried, carried_count);
    for (size_t i = 0; i < chat->message_count; i++) {
        for (size_t j = 0; j < chat->messages[i].extra_count; j++) {
            if (!says_nothing(&chat->messages[i].extras[j])) {
                loss_add_message(loss, i, chat->messages[i].extras[j].key);
            }
        }
    }
}

struct slice cache_mark_json(enum cache_mark mark)
{
    return mark == CACHE_MARK_1H ? SLICE("{\"type\":\"ephemeral\",\"ttl\":\"1h\"}")
                                 : SLICE("{\"type\":\"ephemeral\"}");
}

static size_t count_cache_marks(const struct chat *chat)
{
    size_t count = 0;
    for (size_t i = 0; i < chat->tool_count; i++) {
        count += chat->tools[i].cache != CACHE_MARK_NONE ? 1 : 0;
    }
    for (size_t i = 0; i < chat->message_count; i++) {
        for (size_t j = 0; j < chat->messages[i].part_count; j++) {
            count += chat->messages[i].parts[j].cache != CACHE_MARK_NONE ? 1 : 0;
        }
    }
    return count;
}

size_t cache_marks_over(const struct chat *chat)
{
    size_t count = count_cache_marks(chat);
    return count > CACHE_MARKS_MAX ? count - CACHE_MARKS_MAX : 0;
}

void loss_add_cache_marks(struct loss *loss, const struct chat *chat)
{
    if (count_cache_marks(chat) > 0) {
        loss_add(loss, SLICE("cache_control"));
    }
}

static bool starts_with(struct slice text, struct slice start)
{
    return text.len >= start.len && slice_eq_nocase(slice_of(text.ptr, start.len), start);
}

bool url_is_web(struct slice inner)
{
    return starts_with(inner, SLICE("http:")) || starts_with(inner, SLICE("https:"));
}

static bool untranslatable(struct error *error, const char *text)
{
    return error_set(error, ERROR_UNSUPPORTED, "untranslatable", "%s", text);
}

bool untranslatable_part(const struct chat *chat, const struct chat_part *part, struct error *error,
                         const char *text)
{
    (void)!untranslatable(error, text);
    place_part(chat, part, error);
    return false;
}

bool untranslatable_message(const struct chat *chat, size_t index, struct error *error,
                            const char *text)
{
    (void)!untranslatable(error, text);
    place_message(chat, index, error);
    return false;
}

bool untranslatable_wish(const struct chat *chat, enum wish wish, struct error *error,
                         const char *text)
{
    (void)!untranslatable(error, text);
    place_wish(chat, wish, error);
    return false;
}

bool is_json_object(struct slice text)
{
    struct json_doc doc;
    json_doc_init(&doc);
    bool object = json_parse(&doc, text, &json_default_limits, NULL) &&
                  json_kind(&doc, JSON_ROOT) == JSON_OBJECT;
    json_doc_release(&doc);
    return object;
}
