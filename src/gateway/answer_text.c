/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/answer_text.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

#define NAME_MAX_BYTES ((size_t)1 << 10)
#define NUMBER_BYTES 40

void answer_text_init(struct answer_text *answer)
{
    memset(answer, 0, sizeof(*answer));
    buf_init(&answer->text, ANSWER_TEXT_MAX);
}

static void release_calls(struct answer_text *answer)
{
    for (size_t i = 0; i < answer->call_count; i++) {
        buf_release(&answer->calls[i].name);
        buf_release(&answer->calls[i].arguments);
    }
    memory_free(answer->calls);
}

void answer_text_release(struct answer_text *answer)
{
    release_calls(answer);
    buf_release(&answer->text);
    answer_text_init(answer);
}

void answer_text_clear(struct answer_text *answer)
{
    struct buf text = answer->text;
    release_calls(answer);
    buf_clear(&text);
    memset(answer, 0, sizeof(*answer));
    answer->text = text;
}

static struct answer_call *call_at(struct answer_text *answer, uint32_t index)
{
    if (index >= CHECK_CALLS_MAX) {
        answer->lost = true;
        return NULL;
    }
    if (answer->calls == NULL) {
        answer->calls = memory_array(CHECK_CALLS_MAX, sizeof(*answer->calls));
        if (answer->calls == NULL) {
            answer->lost = true;
            return NULL;
        }
    }
    while (answer->call_count <= index) {
        struct answer_call *call = &answer->calls[answer->call_count++];
        buf_init(&call->name, NAME_MAX_BYTES);
        buf_init(&call->arguments, ANSWER_TEXT_MAX);
    }
    return &answer->calls[index];
}

static void add_plain(struct answer_text *answer, struct slice inner, struct buf *out)
{
    if (!json_unescape(inner, out) || out->failed) {
        answer->lost = true;
    }
}

static bool logprob_of(const struct json_doc *doc, uint32_t token, double *ret_logprob)
{
    char text[NUMBER_BYTES];
    uint32_t node = json_member(doc, token, SLICE("logprob"));
    if (!json_is(doc, node, JSON_NUMBER) || json_raw(doc, node).len >= sizeof(text)) {
        return false;
    }
    slice_to_cstr(json_raw(doc, node), text, sizeof(text));
    *ret_logprob = strtod(text, NULL);
    return isfinite(*ret_logprob);
}

static void add_logprobs(struct answer_text *answer, struct slice raw)
{
    struct json_doc doc;
    struct error error;
    double logprob;
    json_doc_init(&doc);
    if (json_parse(&doc, raw, NULL, &error) && json_is(&doc, JSON_ROOT, JSON_ARRAY)) {
        for (uint32_t i = json_first(&doc, JSON_ROOT); i != JSON_ABSENT;
             i = json_next(&doc, JSON_ROOT, i)) {
            if (logprob_of(&doc, i, &logprob)) {
                answer->logprob_sum += logprob < -100 ? -100 : logprob; /* -9999 stands for none */
                answer->tokens_scored++;
            }
        }
    }
    json_doc_release(&doc);
}

static void add_event(struct answer_text *answer, const struct event *event)
{
    struct answer_call *call;
    switch (event->kind) {
    case EVENT_TEXT:
        add_plain(answer, event->text, &answer->text);
        break;
    case EVENT_REFUSAL:
        answer->refused = true;
        break;
    case EVENT_TOOL_CALL:
        call = call_at(answer, event->index);
        if (call != NULL) {
            call->custom = event->custom;
            add_plain(answer, event->name, &call->name);
        }
        break;
    case EVENT_TOOL_ARGUMENTS:
        call = call_at(answer, event->index);
        if (call != NULL) {
            add_plain(answer, event->text, &call->arguments);
        }
        break;
    case EVENT_LOGPROBS:
        add_logprobs(answer, event->text);
        break;
    case EVENT_IMAGE:
    case EVENT_EMBEDDING:
        answer->carries = true;
        break;
    default: /* nothing that is said */
        break;
    }
}

void answer_text_frame(struct answer_text *answer, const struct frame *frame)
{
    for (size_t i = 0; i < frame->count; i++) {
        if (frame->events[i].choice == 0) {
            add_event(answer, &frame->events[i]);
        }
    }
}

/* A vendor's own tools are called by names that the request does not tell. */
static void find_tool(const struct chat *chat, struct checked_call *call)
{
    for (size_t i = 0; i < chat->tool_count; i++) {
        const struct chat_tool *tool = &chat->tools[i];
        if (tool->kind == TOOL_OTHER) {
            call->known = true;
        } else if (json_inner_is(tool->name, call->name)) {
            call->known = true;
            call->custom = call->custom || tool->kind == TOOL_CUSTOM;
            call->schema = tool->parameters;
            return;
        }
    }
}

void answer_text_view(const struct answer_text *answer, const struct chat *chat,
                      struct checked_call *calls, struct checked_answer *ret_view)
{
    for (size_t i = 0; i < answer->call_count; i++) {
        calls[i] = (struct checked_call){.name = buf_slice(&answer->calls[i].name),
                                         .arguments = buf_slice(&answer->calls[i].arguments),
                                         .schema = SLICE_EMPTY,
                                         .custom = answer->calls[i].custom};
        find_tool(chat, &calls[i]);
    }
    *ret_view = (struct checked_answer){
        .text = buf_slice(&answer->text),
        .refused = answer->refused,
        .carries = answer->carries,
        .limited = chat->max_tokens > 0,
        .format = chat->format,
        .schema = chat->format == FORMAT_JSON_SCHEMA ? chat->schema : SLICE_EMPTY,
        .calls = calls,
        .call_count = answer->call_count,
        .tokens_scored = answer->tokens_scored,
        .mean_logprob =
            answer->tokens_scored == 0 ? 0 : answer->logprob_sum / answer->tokens_scored,
    };
}
