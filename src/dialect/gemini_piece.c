/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of answers towards Gemini clients that streams and whole answers share. */
#include "dialect/gemini.h"
#include "dialect/inner.h"

#define ARGUMENTS_MAX ((size_t)64 << 20)

/* False: the arguments are no JSON object. */
static bool write_args(struct buf *out, struct slice arguments)
{
    struct buf text = BUF_INIT(ARGUMENTS_MAX);
    struct json_doc doc;
    json_doc_init(&doc);
    bool ok = json_unescape(arguments, &text);
    struct slice object = slice_trim(buf_slice(&text));
    if (ok && object.len == 0) {
        object = SLICE("{}");
    }
    ok = ok && json_parse(&doc, object, &json_default_limits, NULL) &&
         json_kind(&doc, JSON_ROOT) == JSON_OBJECT;
    if (ok) {
        inner_append(out, object); /* raw separators stand in strings only */
    }
    out->failed = out->failed || text.failed;
    json_doc_release(&doc);
    buf_release(&text);
    return ok;
}

bool gemini_write_call(struct buf *out, const struct gemini_call *call)
{
    size_t before = out->len;
    buf_append(out, SLICE("{\"functionCall\":{\"id\":\""));
    inner_append(out, call->id);
    buf_append(out, SLICE("\",\"name\":\""));
    inner_append(out, call->name);
    buf_append(out, SLICE("\",\"args\":"));
    if (call->custom) {
        buf_append(out, SLICE("{\"input\":\"")); /* see tool_name.h */
        inner_append(out, call->arguments);
        buf_append(out, SLICE("\"}"));
    } else if (!write_args(out, call->arguments)) {
        out->len = before;
        return false;
    }
    buf_append_char(out, '}');
    if (call->signature.len > 0) {
        buf_append(out, SLICE(",\"thoughtSignature\":\""));
        inner_append(out, call->signature);
        buf_append_char(out, '"');
    }
    buf_append_char(out, '}');
    return true;
}

void gemini_write_image(struct buf *out, const struct event *event)
{
    struct slice type = event->name.len > 0 ? event->name : SLICE("image/png");
    bool here = event->text.len > 0;
    buf_append(out, here ? SLICE("{\"inlineData\":{\"mimeType\":\"")
                         : SLICE("{\"fileData\":{\"mimeType\":\""));
    inner_append(out, type);
    buf_append(out, here ? SLICE("\",\"data\":\"") : SLICE("\",\"fileUri\":\""));
    inner_append(out, here ? event->text : event->id);
    buf_append(out, SLICE("\"}}"));
}

void gemini_write_finish(struct buf *out, enum finish_reason finish)
{
    buf_append(out, SLICE("\"finishReason\":\""));
    buf_append(out, gemini_finish_word(finish));
    buf_append_char(out, '"');
}

/* --- sources --- */

void gemini_sources_init(struct gemini_sources *s)
{
    *s = (struct gemini_sources){.chunks = BUF_INIT(SIZE_MAX),
                                 .supports = BUF_INIT(SIZE_MAX),
                                 .citations = BUF_INIT(SIZE_MAX)};
}

void gemini_sources_release(struct gemini_sources *s)
{
    buf_release(&s->chunks);
    buf_release(&s->supports);
    buf_release(&s->citations);
}

static void write_source(struct buf *out, const struct event *event)
{
    buf_append_char(out, '{');
    if (event->id.len > 0) {
        buf_append(out, SLICE("\"uri\":\""));
        inner_append(out, event->id);
        buf_append(out, event->name.len > 0 ? SLICE("\",") : SLICE("\""));
    }
    if (event->name.len > 0) {
        buf_append(out, SLICE("\"title\":\""));
        inner_append(out, event->name);
        buf_append_char(out, '"');
    }
    buf_append_char(out, '}');
}

void gemini_sources_add(struct gemini_sources *s, const struct event *event)
{
    if (event->text.len == 0 || !event->of_answer) { /* a segment is one of the answer */
        buf_append(&s->citations, s->citations.len > 0 ? SLICE(",") : SLICE(""));
        write_source(&s->citations, event);
        return;
    }
    buf_append(&s->chunks, s->count > 0 ? SLICE(",") : SLICE(""));
    buf_append(&s->chunks,
               event->id.len > 0 ? SLICE("{\"web\":") : SLICE("{\"retrievedContext\":"));
    write_source(&s->chunks, event);
    buf_append_char(&s->chunks, '}');
    buf_append(&s->supports, s->count > 0 ? SLICE(",") : SLICE(""));
    buf_append(&s->supports, SLICE("{\"segment\":{\"text\":\""));
    inner_append(&s->supports, event->text);
    buf_append(&s->supports, SLICE("\"},\"groundingChunkIndices\":["));
    buf_append_u64(&s->supports, s->count++);
    buf_append(&s->supports, SLICE("]}"));
}

void gemini_write_sources(struct buf *out, const struct gemini_sources *s)
{
    if (s->citations.len > 0) {
        buf_append(out, SLICE(",\"citationMetadata\":{\"citations\":["));
        buf_append(out, buf_slice(&s->citations));
        buf_append(out, SLICE("]}"));
    }
    if (s->count > 0) {
        buf_append(out, SLICE(",\"groundingMetadata\":{\"groundingChunks\":["));
        buf_append(out, buf_slice(&s->chunks));
        buf_append(out, SLICE("],\"groundingSupports\":["));
        buf_append(out, buf_slice(&s->supports));
        buf_append(out, SLICE("]}"));
    }
    out->failed = out->failed || s->chunks.failed || s->supports.failed || s->citations.failed;
}

/* --- log probabilities --- */

static void write_token(struct json_writer *json, const struct json_doc *doc, uint32_t token)
{
    uint32_t text = json_member(doc, token, SLICE("token"));
    uint32_t probability = json_member(doc, token, SLICE("logprob"));
    json_begin_object(json);
    if (json_is(doc, text, JSON_STRING)) {
        json_member_inner(json, SLICE("token"), json_inner(doc, text));
    }
    if (json_is(doc, probability, JSON_NUMBER)) {
        json_member_raw(json, SLICE("logProbability"), json_raw(doc, probability));
    }
    json_end_object(json);
}

static void write_alternatives(struct json_writer *json, const struct json_doc *doc, uint32_t token)
{
    uint32_t list = json_member(doc, token, SLICE("top_logprobs"));
    json_begin_object(json);
    json_key(json, SLICE("candidates"));
    json_begin_array(json);
    for (uint32_t i = json_is(doc, list, JSON_ARRAY) ? json_first(doc, list) : JSON_ABSENT;
         i != JSON_ABSENT; i = json_next(doc, list, i)) {
        write_token(json, doc, i);
    }
    json_end_array(json);
    json_end_object(json);
}

void gemini_write_logprobs(struct buf *out, struct slice list)
{
    struct json_doc doc;
    struct json_writer json;
    json_doc_init(&doc);
    if (json_parse(&doc, list, &json_default_limits, NULL) &&
        json_kind(&doc, JSON_ROOT) == JSON_ARRAY) {
        buf_append(out, SLICE(",\"logprobsResult\":"));
        json_writer_init(&json, out);
        json_begin_object(&json);
        json_key(&json, SLICE("topCandidates"));
        json_begin_array(&json);
        for (uint32_t i = json_first(&doc, JSON_ROOT); i != JSON_ABSENT;
             i = json_next(&doc, JSON_ROOT, i)) {
            write_alternatives(&json, &doc, i);
        }
        json_end_array(&json);
        json_key(&json, SLICE("chosenCandidates"));
        json_begin_array(&json);
        for (uint32_t i = json_first(&doc, JSON_ROOT); i != JSON_ABSENT;
             i = json_next(&doc, JSON_ROOT, i)) {
            write_token(&json, &doc, i);
        }
        json_end_array(&json);
        json_end_object(&json);
    }
    json_doc_release(&doc);
}
