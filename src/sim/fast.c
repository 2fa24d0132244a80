/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast mode: answers of a given size, made once by the ordinary writers and shared by all
 * connections.
 */
#include "sim/frame.h"
#include "sim/openai.h"
#include "sim/server.h"

#define FAST_BODY_BYTES 1024
#define FAST_EVENTS 100
#define US_PER_MS 1000u
#define ROLE_AND_FINISH 2 /* events besides those of the text */

static const struct sim_behaviours none;
static const struct sim_frame_request framing = {.keep_alive = true};

static bool make_ask(struct sim_ask *ask, struct json_doc *doc, struct arena *arena,
                     struct slice body)
{
    struct sim_reading reading = {.ask = ask, .doc = doc, .arena = arena};

    return json_parse(doc, body, NULL, NULL) && sim_read_begin(&reading, SIM_CHAT, SLICE_EMPTY) &&
           sim_read_end(&reading);
}

/* A completion whose body has exactly `bytes` bytes, if that is not too few. */
static struct sim_script *make_whole(const struct sim_ask *ask, size_t bytes)
{
    struct sim_answer answer;
    struct sim_reply reply;
    struct sim_script *script = NULL;
    char *fill = NULL;

    sim_reply_init(&reply, &none);
    sim_answer_make(&answer, ask, &none, 0, 1);
    sim_openai_answer(&answer, &reply);
    if (!reply.failed && reply.body.len < bytes) {
        struct slice mark = SLICE("\"content\":\"");
        size_t at = slice_find_slice(buf_slice(&reply.body), mark) + mark.len;
        size_t missing = bytes - reply.body.len;
        fill = buf_reserve(&reply.body, missing);
        if (fill != NULL) {
            memmove(reply.body.ptr + at + missing, reply.body.ptr + at, reply.body.len - at);
            memset(reply.body.ptr + at, 'a', missing);
            reply.body.len += missing;
            reply.pieces[0].end += missing;
        }
    }
    script = sim_frame(&reply, &framing);
    sim_answer_release(&answer);
    sim_reply_release(&reply);
    return script;
}

/* Every event after the same pause, the last mark in the write of the last event: then there are as
   many writes as events. */
static void set_even_pace(struct sim_reply *reply, uint64_t event_us)
{
    for (size_t i = 1; i < reply->count; i++) {
        reply->pieces[i].delay_us = event_us;
    }
    if (reply->count > 1 && reply->pieces[reply->count - 1].kind == SIM_PIECE_END) {
        reply->count--;
        reply->pieces[reply->count - 1].end = reply->pieces[reply->count].end;
    }
}

static struct sim_script *make_stream(const struct sim_ask *ask, uint32_t events, uint32_t event_ms)
{
    struct sim_answer answer;
    struct sim_reply reply;

    sim_reply_init(&reply, &none);
    sim_answer_make(&answer, ask, &none, 0,
                    events > ROLE_AND_FINISH ? events - ROLE_AND_FINISH : 1);
    sim_openai_answer(&answer, &reply);
    set_even_pace(&reply, (uint64_t)event_ms * US_PER_MS);
    struct sim_script *script = sim_frame(&reply, &framing);
    sim_answer_release(&answer);
    sim_reply_release(&reply);
    return script;
}

bool sim_fast_make(const struct sim_profile *profile, struct sim_script **ret_whole,
                   struct sim_script **ret_stream)
{
    struct sim_ask ask = {0};
    struct json_doc doc;
    struct arena arena;

    json_doc_init(&doc);
    arena_init(&arena, (size_t)1 << 20);
    if (make_ask(&ask, &doc, &arena, SLICE("{\"model\":\"fast\",\"messages\":[]}"))) {
        *ret_whole = make_whole(&ask, profile->fast_body_bytes == 0 ? FAST_BODY_BYTES
                                                                    : profile->fast_body_bytes);
        ask.stream = true;
        *ret_stream =
            make_stream(&ask, profile->fast_events == 0 ? FAST_EVENTS : profile->fast_events,
                        profile->fast_event_ms);
    }
    arena_release(&arena);
    json_doc_release(&doc);
    return *ret_whole != NULL && *ret_stream != NULL;
}

/* By quotes, which are rarer than what a general search would stop at. */
bool sim_fast_streams(struct slice body)
{
    static const struct slice mark = SLICE_INIT("\"stream\"");

    for (;;) {
        const char *quote = body.len == 0 ? NULL : memchr(body.ptr, '"', body.len);
        if (quote == NULL) {
            return false;
        }
        body = slice_of(quote, body.len - (size_t)(quote - body.ptr));
        if (body.len > mark.len && body.ptr[1] == 's' && slice_starts(body, mark)) {
            break;
        }
        body = slice_of(body.ptr + 1, body.len - 1);
    }
    struct slice value = slice_trim(slice_from(body, mark.len));
    value = value.len > 0 && value.ptr[0] == ':' ? slice_trim(slice_from(value, 1)) : SLICE_EMPTY;
    return slice_starts(value, SLICE("true"));
}
