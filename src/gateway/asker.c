/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/asker.h"

#include "base/hash.h"

#include <time.h>

#define NS_PER_S INT64_C(1000000000)
#define VALUE_BYTES_MAX 4096 /* of a member of metadata that conditions look at */

/* --- headers and metadata --- */

static struct slice header_text(const struct http_request *request, struct slice name)
{
    for (size_t i = 0; request != NULL && i < request->header_count; i++) {
        if (slice_eq_nocase(request->headers[i].name, name)) {
            return slice_trim(request->headers[i].value);
        }
    }
    return SLICE_EMPTY;
}

/* Numbers and booleans are taken as their text. */
static struct slice metadata_text(const struct asker *asker, struct slice name)
{
    const struct json_doc *doc = asker->chat->doc;
    if (doc == NULL || doc->count == 0) {
        return SLICE_EMPTY;
    }
    uint32_t value = json_member(doc, json_member(doc, 0, SLICE("metadata")), name);
    if (value == JSON_ABSENT || json_raw(doc, value).len > VALUE_BYTES_MAX) {
        return SLICE_EMPTY;
    }
    return json_is(doc, value, JSON_STRING) ? json_string(doc, value, asker->arena)
                                            : json_raw(doc, value);
}

static struct slice look_up(const void *owner, const struct rule_word *word)
{
    const struct asker *asker = owner;
    return word->metadata ? metadata_text(asker, word->name)
                          : header_text(asker->request, word->name);
}

/* --- rules --- */

unsigned asker_minute(int64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm local;
    if (localtime_r(&seconds, &local) == NULL) {
        return 0;
    }
    int day = (local.tm_wday + 6) % 7; /* Monday is 0 */
    return (unsigned)(day * RULE_MINUTES_OF_DAY + local.tm_hour * 60 + local.tm_min);
}

static struct slice key_name(const struct asker *asker)
{
    const struct caller *caller = asker->caller;
    return caller == NULL || caller->key == NULL ? SLICE_EMPTY : slice_from_cstr(caller->key->name);
}

uint64_t asker_rules(const struct asker *asker, const struct route *route)
{
    if (route->rule_count == 0) {
        return 0;
    }
    struct rule_asker known = {
        .key_name = key_name(asker),
        .minute = asker_minute(asker->wall_ns),
        .look_up = look_up,
        .owner = asker,
    };
    return rules_of_asker(route->rules, route->rule_count, &known);
}

/* --- lots --- */

static struct slice session_text(const struct asker *asker)
{
    struct slice session = header_text(asker->request, SLICE("x-sluice-session"));
    return session.len > 0 ? session : asker->chat->session;
}

/* Who is meant, by the first of these that is known: session, user, key. */
static struct slice split_text(const struct asker *asker, enum split split)
{
    struct slice text = SLICE_EMPTY;
    if (split == SPLIT_SESSION) {
        text = session_text(asker);
    }
    if (text.len == 0 && (split == SPLIT_SESSION || split == SPLIT_USER)) {
        text = asker->chat->user;
    }
    if (text.len == 0 && (split == SPLIT_USER || split == SPLIT_KEY)) {
        text = key_name(asker);
    }
    return text.len > 0 ? text : asker->chat->body;
}

uint64_t asker_lot_of(const struct route *route, struct slice text)
{
    uint64_t words[2] = {hash_stable(route->name), hash_stable(text)};
    return hash_stable(slice_of((const char *)words, sizeof(words)));
}

uint64_t asker_lot(const struct asker *asker, const struct route *route)
{
    return asker_lot_of(route, split_text(asker, route->split));
}
