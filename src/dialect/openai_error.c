/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, both ways: what a provider said, understood as far as routing needs it, and what a client
 * is told. */
#include "dialect/decoder.h"
#include "dialect/inner.h"
#include "dialect/openai.h"

struct error_text {
    struct slice type;
    struct slice code;
    struct slice message;
    struct slice param;
    struct slice nested; /* what a provider behind the provider said (OpenRouter) */
};

/* A string's inside, or a number as text. */
static struct slice word_of(const struct decoder *d, uint32_t value)
{
    return json_is(&d->doc, value, JSON_NUMBER) ? json_raw(&d->doc, value)
                                                : decoder_string(d, value);
}

/* `error` is the object or string that tells of the error. */
static struct error_text read_text(const struct decoder *d, uint32_t error)
{
    const struct json_doc *doc = &d->doc;
    struct error_text text = {.message = decoder_string(d, error)};
    if (!json_is(doc, error, JSON_OBJECT)) {
        return text;
    }
    text.type = word_of(d, json_member(doc, error, SLICE("type")));
    text.code = word_of(d, json_member(doc, error, SLICE("code")));
    text.message = decoder_string(d, json_member(doc, error, SLICE("message")));
    text.param = decoder_string(d, json_member(doc, error, SLICE("param")));
    text.nested = decoder_string(d, json_path(doc, error, "metadata.raw"));
    if (text.message.len == 0) {
        text.message = decoder_string(d, json_member(doc, error, SLICE("detail"))); /* FastAPI */
    }
    return text;
}

void openai_decode_error(struct decoder *d, uint32_t error)
{
    struct error_text text = read_text(d, error);
    decoder_error(d, text.message, text.code.len > 0 ? text.code : text.type);
}

/* --- classes --- */

static bool any_contains(const struct error_text *text, const char *const *phrases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (inner_contains(text->code, phrases[i]) || inner_contains(text->type, phrases[i]) ||
            inner_contains(text->message, phrases[i]) || inner_contains(text->nested, phrases[i])) {
            return true;
        }
    }
    return false;
}

static bool is_context_length(const struct error_text *text)
{
    static const char *const phrases[] = {
        "context_length_exceeded", "maximum context length", "exceed_context_size",
        "context window",          "available context size", "prompt is too long",
        "context length",
    };
    return any_contains(text, phrases, ARRAY_LEN(phrases));
}

static bool is_content_filter(const struct error_text *text)
{
    static const char *const phrases[] = {"content_filter", "content_policy_violation",
                                          "responsibleaipolicyviolation", "data_inspection_failed"};
    return any_contains(text, phrases, ARRAY_LEN(phrases));
}

static bool is_quota(const struct error_text *text)
{
    static const char *const phrases[] = {"insufficient_quota", "insufficient balance",
                                          "billing_hard_limit_reached", "insufficient credits",
                                          "exceeded your current quota"};
    return any_contains(text, phrases, ARRAY_LEN(phrases));
}

void openai_read_error(struct decoder *d, int status, struct slice body,
                       struct provider_error *ret_error)
{
    const struct json_doc *doc = &d->doc;
    *ret_error = (struct provider_error){.quota = status == 402};
    decoder_begin_frame(d);
    if (!json_parse(&d->doc, body, &json_default_limits, NULL)) {
        return; /* HTML of a proxy, nothing at all */
    }
    uint32_t root = JSON_ROOT;
    if (json_kind(doc, root) == JSON_ARRAY && json_first(doc, root) != JSON_ABSENT) {
        root = json_first(doc, root);
    }
    uint32_t error = json_member(doc, root, SLICE("error"));
    struct error_text text = read_text(d, member_given(doc, error) ? error : root);
    ret_error->type = text.type;
    ret_error->code = text.code;
    ret_error->message = text.message;
    ret_error->param = text.param;
    ret_error->context_length = is_context_length(&text);
    ret_error->content_filter = is_content_filter(&text);
    ret_error->quota = ret_error->quota || is_quota(&text);
}

/* --- towards the client --- */

static struct slice type_of(int status)
{
    switch (status) {
    case 401:
        return SLICE("authentication_error");
    case 402:
        return SLICE("insufficient_quota");
    case 403:
        return SLICE("permission_error");
    case 408:
    case 504:
        return SLICE("timeout_error");
    case 429:
        return SLICE("rate_limit_error");
    default:
        return status >= 500 ? SLICE("server_error") : SLICE("invalid_request_error");
    }
}

static void member_or_null(struct json_writer *json, struct slice key, struct slice text)
{
    json_key(json, key);
    if (text.ptr == NULL) {
        json_write_null(json);
    } else {
        json_write_string(json, text);
    }
}

void openai_write_error(const struct answer_error *error, struct buf *out)
{
    struct json_writer json;
    json_writer_init(&json, out);
    json_begin_object(&json);
    json_key(&json, SLICE("error"));
    json_begin_object(&json);
    json_member_string(&json, SLICE("message"), error->message);
    json_member_string(&json, SLICE("type"),
                       error->type.ptr == NULL ? type_of(error->status) : error->type);
    member_or_null(&json, SLICE("param"), error->param);
    member_or_null(&json, SLICE("code"), error->code);
    if (error->call_id.len > 0) {
        json_member_string(&json, SLICE("call_id"), error->call_id);
    }
    if (error->detail.ptr != NULL) {
        json_member_raw(&json, SLICE("sluice"), error->detail);
    }
    json_end_object(&json);
    json_end_object(&json);
}

/* No [DONE] follows: the stream did not end, it failed. */
void openai_write_stream_error(const struct answer_error *error, struct buf *out)
{
    buf_append(out, SLICE("data: "));
    openai_write_error(error, out);
    buf_append(out, SLICE("\n\n"));
}
