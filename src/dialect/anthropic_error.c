/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, both ways. Clients tell them apart by status and type, and an overflow of the context by
 * the words "prompt is too long". */
#include "dialect/anthropic.h"
#include "dialect/decoder.h"
#include "dialect/inner.h"

#define OVERFLOW_WORDS "prompt is too long"

struct error_text {
    struct slice type;
    struct slice message;
};

static struct error_text read_text(const struct decoder *d, uint32_t error)
{
    const struct json_doc *doc = &d->doc;
    struct error_text text = {.message = decoder_string(d, error)};
    if (json_is(doc, error, JSON_OBJECT)) {
        text.type = decoder_string(d, json_member(doc, error, SLICE("type")));
        text.message = decoder_string(d, json_member(doc, error, SLICE("message")));
    }
    return text;
}

void anthropic_decode_error(struct decoder *d, uint32_t error)
{
    struct error_text text = read_text(d, error);
    decoder_error(d, text.message, text.type);
}

static bool any_contains(struct slice text, const char *const *phrases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (inner_contains(text, phrases[i])) {
            return true;
        }
    }
    return false;
}

void anthropic_read_error(struct decoder *d, int status, struct slice body,
                          struct provider_error *ret_error)
{
    static const char *const overflow[] = {OVERFLOW_WORDS, "exceed context limit", "context window",
                                           "maximum context length", "context_length_exceeded"};
    static const char *const quota[] = {"credit balance is too low", "usage limit", "spend limit",
                                        "insufficient balance", "insufficient_quota"};
    static const char *const filter[] = {"content filter", "content_filter"};
    *ret_error = (struct provider_error){.quota = status == 402};
    decoder_begin_frame(d);
    if (!json_parse(&d->doc, body, &json_default_limits, NULL) ||
        json_kind(&d->doc, JSON_ROOT) != JSON_OBJECT) {
        return;
    }
    uint32_t error = json_member(&d->doc, JSON_ROOT, SLICE("error"));
    struct error_text text = read_text(d, member_given(&d->doc, error) ? error : JSON_ROOT);
    ret_error->type = text.type;
    ret_error->message = text.message;
    ret_error->context_length = any_contains(text.message, overflow, ARRAY_LEN(overflow));
    ret_error->content_filter = any_contains(text.message, filter, ARRAY_LEN(filter));
    ret_error->quota = ret_error->quota || slice_eq(text.type, SLICE("billing_error")) ||
                       any_contains(text.message, quota, ARRAY_LEN(quota));
}

/* --- towards the client --- */

static const struct {
    int status;
    struct slice type;
} types[] = {
    {400, SLICE_INIT("invalid_request_error")},
    {401, SLICE_INIT("authentication_error")},
    {402, SLICE_INIT("billing_error")},
    {403, SLICE_INIT("permission_error")},
    {404, SLICE_INIT("not_found_error")},
    {408, SLICE_INIT("timeout_error")},
    {413, SLICE_INIT("request_too_large")},
    {429, SLICE_INIT("rate_limit_error")},
    {500, SLICE_INIT("api_error")},
    {503, SLICE_INIT("overloaded_error")},
    {504, SLICE_INIT("timeout_error")},
    {529, SLICE_INIT("overloaded_error")},
};

static struct slice type_of(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (types[i].status == status) {
            return types[i].type;
        }
    }
    return status >= 500 ? SLICE("api_error") : SLICE("invalid_request_error");
}

/* The provider said so, or no target is large enough: a shorter conversation would do, and clients
   shorten it when they read the words. */
static bool is_overflow(const struct answer_error *error)
{
    return slice_eq(error->code, SLICE("context_length_exceeded")) ||
           (slice_eq(error->code, SLICE("no_feasible_target")) &&
            inner_contains(error->message, "(context_too_small)"));
}

static void write_message(struct json_writer *json, const struct answer_error *error)
{
    json_key(json, SLICE("message"));
    if (!is_overflow(error) || inner_contains(error->message, OVERFLOW_WORDS)) {
        json_write_string(json, error->message);
        return;
    }
    json_write_raw(json, SLICE("\"" OVERFLOW_WORDS ": "));
    json_escape(error->message, json->out);
    buf_append_char(json->out, '"');
}

void anthropic_write_error(const struct answer_error *error, struct buf *out)
{
    struct json_writer json;
    json_writer_init(&json, out);
    json_begin_object(&json);
    json_member_string(&json, SLICE("type"), SLICE("error"));
    json_key(&json, SLICE("error"));
    json_begin_object(&json);
    json_member_string(&json, SLICE("type"), type_of(error->status));
    write_message(&json, error);
    if (error->code.ptr != NULL) {
        json_member_string(&json, SLICE("code"), error->code);
    }
    if (error->param.ptr != NULL) {
        json_member_string(&json, SLICE("param"), error->param);
    }
    if (error->detail.ptr != NULL) {
        json_member_raw(&json, SLICE("sluice"), error->detail);
    }
    json_end_object(&json);
    if (error->call_id.len > 0) {
        json_member_string(&json, SLICE("request_id"), error->call_id);
    }
    json_end_object(&json);
}

void anthropic_write_stream_error(const struct answer_error *error, struct buf *out)
{
    buf_append(out, SLICE("event: error\ndata: "));
    anthropic_write_error(error, out);
    buf_append(out, SLICE("\n\n"));
}

/* Its own word where it is one of Anthropic's; others' words for the two that clients wait at. */
static struct slice type_of_name(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (slice_eq(name, types[i].type)) {
            return types[i].type;
        }
    }
    if (inner_contains(name, "overload") || slice_eq(name, SLICE("503"))) {
        return SLICE("overloaded_error");
    }
    return inner_contains(name, "rate") || slice_eq(name, SLICE("429")) ? SLICE("rate_limit_error")
                                                                        : SLICE("api_error");
}

void anthropic_encode_error(struct buf *out, struct slice message, struct slice name,
                            struct slice call_id)
{
    buf_append(out, SLICE("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\""));
    buf_append(out, type_of_name(name));
    buf_append(out, SLICE("\",\"message\":\""));
    inner_append(out, message);
    if (name.len > 0) {
        buf_append(out, SLICE("\",\"code\":\""));
        inner_append(out, name);
    }
    buf_append(out, SLICE("\"},\"request_id\":\""));
    json_escape(call_id, out);
    buf_append(out, SLICE("\"}\n\n"));
}
