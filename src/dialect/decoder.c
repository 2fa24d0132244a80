/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/decoder.h"

#include "base/hash.h"
#include "base/memory.h"
#include "codec/json_write.h"
#include "dialect/inner.h"
#include "dialect/member.h"

#define EVENTS_FIRST 4u /* of a chunk; whole answers have a few more */
#define EVENTS_KEPT 32u /* what a decoder keeps between frames; a whole answer may need more */
#define NODES_KEPT 1024u
#define ARENA_FACTOR 4u /* texts made for a frame: escaped forms of parts of it */
#define ARENA_LEAST ((size_t)64 * 1024)

struct decoder *decoder_new(size_t limit)
{
    struct decoder *d = memory_array(1, sizeof *d);
    if (d == NULL) {
        return NULL;
    }
    d->limit = limit;
    sse_decoder_init(&d->sse, limit);
    ndjson_decoder_init(&d->ndjson, limit);
    eventstream_decoder_init(&d->eventstream, limit);
    json_doc_init(&d->doc);
    arena_init(&d->arena, limit > SIZE_MAX / ARENA_FACTOR - ARENA_LEAST
                              ? SIZE_MAX
                              : limit * ARENA_FACTOR + ARENA_LEAST);
    return d;
}

static void release_calls(struct decoder *d)
{
    for (size_t i = 0; i < d->call_count; i++) {
        buf_release(&d->calls[i].held_id);
        buf_release(&d->calls[i].held_arguments);
    }
    memory_free(d->calls);
    d->calls = NULL;
    d->call_count = 0;
    d->call_cap = 0;
}

void decoder_free(struct decoder *d)
{
    if (d == NULL) {
        return;
    }
    release_calls(d);
    sse_decoder_release(&d->sse);
    ndjson_decoder_release(&d->ndjson);
    eventstream_decoder_release(&d->eventstream);
    json_doc_release(&d->doc);
    arena_release(&d->arena);
    memory_free(d->events);
    memory_free(d);
}

void decoder_reset(struct decoder *d)
{
    if (d->calls != NULL) {
        release_calls(d);
    }
    sse_decoder_release(&d->sse);
    ndjson_decoder_release(&d->ndjson);
    eventstream_decoder_release(&d->eventstream);
    decoder_begin_frame(d); /* what is too large to be kept goes */
    d->answer_hash = 0;
    memset(d->finished, 0, sizeof d->finished);
    memset(d->spoken, 0, sizeof d->spoken);
    d->started = false;
    d->any_finished = false;
    d->thought = false;
    d->ended = false;
    d->exhausted = false;
}

void decoder_begin_frame(struct decoder *d)
{
    d->count = 0;
    d->malformed = false;
    d->garbled = false;
    if (d->arena.used > 0) {
        arena_release(&d->arena);
    }
    if (d->cap > EVENTS_KEPT) {
        memory_free(d->events);
        d->events = NULL;
        d->cap = 0;
    }
    if (d->doc.cap > NODES_KEPT) {
        json_doc_release(&d->doc);
        json_doc_init(&d->doc);
    }
}

enum decode_result decoder_end_frame(struct decoder *d, struct frame *frame)
{
    if (d->exhausted) {
        return DECODE_TOO_LARGE;
    }
    if (d->malformed) {
        frame->garbled = d->garbled;
        return DECODE_MALFORMED;
    }
    frame->events = d->events;
    frame->count = d->count;
    return DECODE_FRAME;
}

bool decoder_parse(struct decoder *d, struct slice text)
{
    struct error error;
    error_clear(&error);
    bool ok = json_parse(&d->doc, text, &json_default_limits, &error) &&
              json_kind(&d->doc, JSON_ROOT) == JSON_OBJECT;
    bool beyond_us = error.kind == ERROR_LIMIT || error.kind == ERROR_ENVIRONMENT ||
                     (error.code != NULL && strcmp(error.code, "json_too_deep") == 0);
    d->malformed = d->malformed || !ok;
    d->garbled = d->garbled || (!ok && !beyond_us);
    return ok;
}

static bool grow_events(struct decoder *d)
{
    size_t cap = d->cap == 0 ? EVENTS_FIRST : d->cap * 2;
    struct event *events = memory_resize(d->events, cap * sizeof *events);
    if (events == NULL) {
        d->exhausted = true;
        return false;
    }
    d->events = events;
    d->cap = cap;
    return true;
}

struct event *decoder_event(struct decoder *d, enum event_kind kind, uint32_t choice)
{
    if (d->count == d->cap && !grow_events(d)) {
        return &d->spare;
    }
    struct event *event = &d->events[d->count++];
    *event = (struct event){.kind = kind, .choice = choice, .start = -1, .end = -1};
    return event;
}

void decoder_place(struct decoder *d, struct event *event, uint32_t citation)
{
    int64_t start;
    int64_t end;
    if (json_int64(&d->doc, json_member(&d->doc, citation, SLICE("start_index")), &start) &&
        json_int64(&d->doc, json_member(&d->doc, citation, SLICE("end_index")), &end) &&
        start >= 0 && start <= end && end <= INT32_MAX) {
        event->start = (int32_t)start;
        event->end = (int32_t)end;
    }
}

void decoder_text(struct decoder *d, enum event_kind kind, uint32_t choice, struct slice inner)
{
    if (inner.len > 0) {
        decoder_event(d, kind, choice)->text = inner;
    }
}

void decoder_told_usage(const struct decoder *d, struct usage *ret_usage)
{
    *ret_usage = (struct usage){.reported = false};
    for (size_t i = 0; i < d->count; i++) {
        if (d->events[i].kind == EVENT_USAGE) {
            usage_report(ret_usage, &d->events[i].usage);
        }
    }
}

void decoder_read_usage(struct decoder *d, struct slice body, struct slice member,
                        void (*decode)(struct decoder *d, uint32_t value), struct usage *ret_usage)
{
    decoder_begin_frame(d);
    if (decoder_parse(d, body)) {
        uint32_t value = json_member(&d->doc, JSON_ROOT, member);
        if (json_is(&d->doc, value, JSON_OBJECT)) {
            decode(d, value);
        }
    }
    decoder_told_usage(d, ret_usage);
}

void decoder_image(struct decoder *d, uint32_t choice, struct slice media_type, struct slice data)
{
    if (data.len > 0) {
        struct event *event = decoder_event(d, EVENT_IMAGE, choice);
        event->text = data;
        event->name = media_type;
    }
}

void decoder_image_url(struct decoder *d, uint32_t choice, struct slice url)
{
    struct slice media_type;
    struct slice data;
    if (inner_data_url(url, &media_type, &data)) {
        decoder_image(d, choice, media_type, data);
    } else if (url.len > 0) {
        decoder_event(d, EVENT_IMAGE, choice)->id = url;
    }
}

void decoder_lost(struct decoder *d, uint32_t choice, struct slice name)
{
    decoder_event(d, EVENT_LOST, choice)->name = name.len > 0 ? name : SLICE("unknown");
}

/* Is there anything in it? Servers fill in members that they have nothing for. */
static bool says_something(const struct json_doc *doc, uint32_t value)
{
    switch (json_kind(doc, value)) {
    case JSON_STRING:
        return json_inner(doc, value).len > 0;
    case JSON_ARRAY:
    case JSON_OBJECT:
        return json_first(doc, value) != JSON_ABSENT;
    case JSON_NULL:
        return false;
    default:
        return true;
    }
}

void decoder_lost_members(struct decoder *d, uint32_t choice, uint32_t object,
                          const struct member_table *known)
{
    const struct json_doc *doc = &d->doc;
    if (!json_is(doc, object, JSON_OBJECT)) {
        return;
    }
    for (uint32_t key = json_first(doc, object); key != JSON_ABSENT;
         key = json_next(doc, object, key)) {
        if (member_id(known, doc, key) == MEMBER_UNKNOWN && says_something(doc, key + 1)) {
            decoder_lost(d, choice, json_inner(doc, key));
        }
    }
}

struct slice decoder_escape(struct decoder *d, struct slice raw)
{
    struct buf text = BUF_INIT(SIZE_MAX);
    (void)json_escape(raw, &text);
    struct slice copy = arena_copy(&d->arena, buf_slice(&text));
    d->exhausted = d->exhausted || text.failed || d->arena.exhausted;
    buf_release(&text);
    return copy;
}

struct slice decoder_arguments(struct decoder *d, uint32_t value)
{
    if (json_is(&d->doc, value, JSON_OBJECT)) {
        return decoder_escape(d, json_raw(&d->doc, value));
    }
    bool text = json_is(&d->doc, value, JSON_STRING);
    d->malformed = d->malformed || (!text && member_given(&d->doc, value));
    return decoder_string(d, value);
}

void decoder_start(struct decoder *d, struct slice id, struct slice model, struct slice seed)
{
    if (d->started) {
        return;
    }
    d->started = true;
    d->answer_hash = hash_stable(seed);
    struct event *event = decoder_event(d, EVENT_START, 0);
    event->id = id;
    event->name = model;
}

static bool choice_finished(const struct decoder *d, uint32_t choice)
{
    return (d->finished[choice / 64] >> (choice % 64) & 1) != 0;
}

/* --- tool calls --- */

static struct decoder_call *last_call(const struct decoder *d, uint32_t choice)
{
    for (size_t i = d->call_count; i > 0; i--) {
        if (d->calls[i - 1].choice == choice) {
            return &d->calls[i - 1];
        }
    }
    return NULL;
}

static uint64_t id_hash(struct slice id)
{
    return id.len == 0 ? 0 : hash_stable(id) | 1;
}

/* Does a fragment at the place of this call begin another one? Some providers number all calls 0
   and tell them apart by id; others send a new random id with every fragment, but the name only
   once. */
static bool begins_another(const struct decoder_call *call, const struct call_fragment *fragment)
{
    bool other_id =
        fragment->id.len > 0 && call->id_hash != 0 && call->id_hash != id_hash(fragment->id);
    return other_id && fragment->name.len > 0;
}

/* Neither its place nor its id is known: is it more of the last call, or a new one? */
static bool continues_last(const struct decoder_call *last, const struct call_fragment *fragment)
{
    if (fragment->position >= 0) {
        return false;
    }
    if (fragment->id.len > 0) {
        return last->id_hash == 0 && fragment->name.len == 0;
    }
    return fragment->name.len == 0 || !last->announced;
}

/* The call that a fragment belongs to, or NULL when it begins one. */
static struct decoder_call *find_call(const struct decoder *d, uint32_t choice,
                                      const struct call_fragment *fragment)
{
    struct decoder_call *last = last_call(d, choice);
    if (fragment->complete || last == NULL) {
        return NULL;
    }
    uint64_t hash = id_hash(fragment->id);
    for (size_t i = d->call_count; i > 0; i--) {
        struct decoder_call *call = &d->calls[i - 1];
        bool here = fragment->position >= 0 ? call->position == fragment->position
                                            : hash != 0 && call->id_hash == hash;
        if (call->choice == choice && here) {
            return begins_another(call, fragment) ? NULL : call;
        }
    }
    return continues_last(last, fragment) ? last : NULL;
}

static struct decoder_call *begin_call(struct decoder *d, uint32_t choice,
                                       const struct call_fragment *fragment)
{
    if (d->call_count == DECODER_CALLS_MAX) {
        d->malformed = true;
        return NULL;
    }
    if (d->call_count == d->call_cap) {
        size_t cap = d->call_cap == 0 ? 4 : d->call_cap * 2;
        struct decoder_call *calls = memory_resize(d->calls, cap * sizeof *calls);
        if (calls == NULL) {
            d->exhausted = true;
            return NULL;
        }
        d->calls = calls;
        d->call_cap = cap;
    }
    const struct decoder_call *last = last_call(d, choice);
    struct decoder_call *call = &d->calls[d->call_count];
    *call = (struct decoder_call){
        .choice = choice,
        .index = last == NULL ? 0 : last->index + 1,
        .position = fragment->position,
        .custom = fragment->custom,
        .held_id = BUF_INIT(d->limit),
        .held_arguments = BUF_INIT(d->limit),
    };
    d->call_count++;
    return call;
}

/* The same at every run and for every split of the bytes, and unlikely to return in the
 * conversation. */
static struct slice invent_id(struct decoder *d, const struct decoder_call *call, struct slice name,
                              struct slice arguments)
{
    const uint64_t seed[] = {d->answer_hash, hash_stable(name), hash_stable(arguments),
                             call->choice, call->index};
    uint64_t hash = hash_stable(slice_of((const char *)seed, sizeof seed));
    struct slice id =
        arena_printf(&d->arena, "call_%u_%016llx", call->index, (unsigned long long)hash);
    d->exhausted = d->exhausted || d->arena.exhausted;
    return id;
}

/* Tells the call and what was held back of it. */
static void announce(struct decoder *d, struct decoder_call *call, struct slice name,
                     struct slice arguments)
{
    struct slice id = arena_copy(&d->arena, buf_slice(&call->held_id));
    struct slice held = arena_copy(&d->arena, buf_slice(&call->held_arguments));
    struct event *event = decoder_event(d, EVENT_TOOL_CALL, call->choice);
    event->index = call->index;
    event->name = name;
    event->custom = call->custom;
    event->id = id.len > 0 ? id : invent_id(d, call, name, held.len > 0 ? held : arguments);
    call->announced = true;
    d->exhausted =
        d->exhausted || call->held_id.failed || call->held_arguments.failed || d->arena.exhausted;
    if (held.len > 0) {
        event = decoder_event(d, EVENT_TOOL_ARGUMENTS, call->choice);
        event->index = call->index;
        event->custom = call->custom;
        event->text = held;
    }
    buf_release(&call->held_id);
    buf_release(&call->held_arguments);
}

void decoder_call(struct decoder *d, uint32_t choice, const struct call_fragment *fragment)
{
    struct decoder_call *call = find_call(d, choice, fragment);
    if (call == NULL) {
        call = begin_call(d, choice, fragment);
    }
    if (call == NULL) {
        return;
    }
    if (call->id_hash == 0 && fragment->id.len > 0) {
        call->id_hash = id_hash(fragment->id);
        if (!call->announced) {
            buf_append(&call->held_id, fragment->id);
        }
    }
    if (!call->announced && fragment->name.len > 0) {
        announce(d, call, fragment->name, fragment->arguments);
    }
    if (!call->announced) {
        buf_append(&call->held_arguments, fragment->arguments);
        d->malformed = d->malformed || call->held_arguments.failed;
    } else if (fragment->arguments.len > 0) {
        struct event *event = decoder_event(d, EVENT_TOOL_ARGUMENTS, choice);
        event->index = call->index;
        event->custom = call->custom;
        event->text = fragment->arguments;
    }
}

/* --- the end --- */

void decoder_finish(struct decoder *d, uint32_t choice, enum finish_reason finish,
                    struct slice native)
{
    if (choice_finished(d, choice)) {
        return;
    }
    bool called = false;
    for (size_t i = 0; i < d->call_count; i++) {
        if (d->calls[i].choice == choice) {
            called = true;
            if (!d->calls[i].announced) {
                announce(d, &d->calls[i], SLICE_EMPTY, SLICE_EMPTY);
            }
        }
    }
    d->finished[choice / 64] |= (uint64_t)1 << (choice % 64);
    d->any_finished = true;
    struct event *event = decoder_event(d, EVENT_FINISH, choice);
    event->finish = called && finish == FINISH_STOP ? FINISH_TOOL_CALLS : finish;
    event->native = native;
}

bool decoder_all_finished(const struct decoder *d)
{
    for (size_t i = 0; i < ARRAY_LEN(d->finished); i++) {
        if ((d->spoken[i] & ~d->finished[i]) != 0) {
            return false;
        }
    }
    return d->any_finished;
}

void decoder_end(struct decoder *d)
{
    if (!d->ended) {
        d->ended = true;
        decoder_event(d, EVENT_END, 0);
    }
}

void decoder_error(struct decoder *d, struct slice message, struct slice name)
{
    struct event *event = decoder_event(d, EVENT_ERROR, 0);
    event->text = message;
    event->name = name;
    d->ended = true;
}
