/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors, both ways: google.rpc.Status with its details. Google says "quota" both of a minute's
 * rate and of a plan that is used up; which one it is, the violated quota's name tells.
 */
#include "dialect/decoder.h"
#include "dialect/gemini.h"
#include "dialect/inner.h"

#include <stdio.h>

/* The object of the error within a body, or JSON_ABSENT. Some endpoints send an array of one. */
static uint32_t error_object(const struct json_doc *doc)
{
    uint32_t root = JSON_ROOT;
    if (json_kind(doc, root) == JSON_ARRAY && json_first(doc, root) != JSON_ABSENT) {
        root = json_first(doc, root);
    }
    uint32_t error = json_member(doc, root, SLICE("error"));
    return json_is(doc, error, JSON_NULL) ? JSON_ABSENT : error;
}

static struct slice error_member(const struct decoder *d, uint32_t error, struct slice name)
{
    return decoder_string(d, json_member(&d->doc, error, name));
}

static struct slice error_message(const struct decoder *d, uint32_t error)
{
    return json_is(&d->doc, error, JSON_STRING) ? json_inner(&d->doc, error)
                                                : error_member(d, error, SLICE("message"));
}

void gemini_decode_error(struct decoder *d, uint32_t error)
{
    decoder_error(d, error_message(d, error), error_member(d, error, SLICE("status")));
}

/* --- classes --- */

static bool any_contains(struct slice text, const char *const *phrases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (inner_contains(text, phrases[i])) {
            return true;
        }
    }
    return false;
}

static bool is_context_length(struct slice message)
{
    static const char *const phrases[] = {
        "exceeds the maximum number of tokens",
        "input token count",
        "context length",
        "context window",
        "request payload size exceeds",
    };
    return any_contains(message, phrases, ARRAY_LEN(phrases));
}

static bool is_content_filter(struct slice message)
{
    static const char *const phrases[] = {"prohibited_content", "blocked by safety",
                                          "safety settings", "responsible ai"};
    return any_contains(message, phrases, ARRAY_LEN(phrases));
}

#define RETRY_MS_MAX ((int64_t)24 * 60 * 60 * 1000)

/* What the details say: the reason (of ErrorInfo), and of quotas, whether a day's or plan's is used
 * up and whether a time to retry is told. */
struct details {
    struct slice reason;
    bool per_day;
    bool per_minute;
    bool retry;
    int64_t retry_ms; /* 0: not told, or not as "34.5s" */
};

static void read_violations(const struct decoder *d, uint32_t list, struct details *details)
{
    if (!json_is(&d->doc, list, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(&d->doc, list); i != JSON_ABSENT;
         i = json_next(&d->doc, list, i)) {
        struct slice quota = error_member(d, i, SLICE("quotaId"));
        details->per_day = details->per_day || inner_contains(quota, "perday");
        details->per_minute = details->per_minute || inner_contains(quota, "perminute");
    }
}

static void read_retry(const struct decoder *d, uint32_t detail, struct details *details)
{
    if (json_member(&d->doc, detail, SLICE("retryDelay")) == JSON_ABSENT) {
        return;
    }
    int64_t ms = 0;
    struct slice delay = error_member(d, detail, SLICE("retryDelay"));
    bool told = slice_ends(delay, SLICE("s")) &&
                slice_to_scaled(slice_of(delay.ptr, delay.len - 1), 3, &ms) && ms > 0 &&
                ms < RETRY_MS_MAX;
    details->retry = true;
    details->retry_ms = told ? ms : 0;
}

static struct details read_details(const struct decoder *d, uint32_t error)
{
    struct details details = {.reason = SLICE_EMPTY};
    uint32_t list = json_member(&d->doc, error, SLICE("details"));
    if (!json_is(&d->doc, list, JSON_ARRAY)) {
        return details;
    }
    for (uint32_t i = json_first(&d->doc, list); i != JSON_ABSENT;
         i = json_next(&d->doc, list, i)) {
        struct slice reason = error_member(d, i, SLICE("reason"));
        details.reason = details.reason.len > 0 ? details.reason : reason;
        read_retry(d, i, &details);
        read_violations(d, json_member(&d->doc, i, SLICE("violations")), &details);
    }
    return details;
}

static bool is_quota(const struct details *details, struct slice message)
{
    if (details->per_day || details->per_minute) {
        return details->per_day;
    }
    return !details->retry &&
           (inner_contains(message, "billing") || inner_contains(details->reason, "billing"));
}

void gemini_read_error(struct decoder *d, int status, struct slice body,
                       struct provider_error *ret_error)
{
    *ret_error = (struct provider_error){.quota = status == 402};
    decoder_begin_frame(d);
    if (!json_parse(&d->doc, body, &json_default_limits, NULL)) {
        return; /* HTML of a proxy, nothing at all */
    }
    uint32_t error = error_object(&d->doc);
    struct details details = read_details(d, error);
    ret_error->type = error_member(d, error, SLICE("status"));
    ret_error->code = details.reason.len > 0 ? details.reason : ret_error->type;
    ret_error->message = error_message(d, error);
    ret_error->retry_after_ms = details.retry_ms;
    ret_error->context_length = is_context_length(ret_error->message);
    ret_error->content_filter = is_content_filter(ret_error->message);
    ret_error->quota = ret_error->quota || is_quota(&details, ret_error->message);
}

/* --- towards the client --- */

struct slice gemini_status_name(int status)
{
    static const struct {
        int status;
        struct slice name;
    } names[] = {
        {400, SLICE_INIT("INVALID_ARGUMENT")},
        {401, SLICE_INIT("UNAUTHENTICATED")},
        {402, SLICE_INIT("RESOURCE_EXHAUSTED")},
        {403, SLICE_INIT("PERMISSION_DENIED")},
        {404, SLICE_INIT("NOT_FOUND")},
        {408, SLICE_INIT("DEADLINE_EXCEEDED")},
        {409, SLICE_INIT("ABORTED")},
        {429, SLICE_INIT("RESOURCE_EXHAUSTED")},
        {499, SLICE_INIT("CANCELLED")},
        {500, SLICE_INIT("INTERNAL")},
        {501, SLICE_INIT("UNIMPLEMENTED")},
        {502, SLICE_INIT("UNAVAILABLE")},
        {503, SLICE_INIT("UNAVAILABLE")},
        {504, SLICE_INIT("DEADLINE_EXCEEDED")},
        {529, SLICE_INIT("UNAVAILABLE")},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i].status == status) {
            return names[i].name;
        }
    }
    return status >= 500 ? SLICE("INTERNAL") : SLICE("INVALID_ARGUMENT");
}

/* A google.protobuf.Duration: "7s", "0.250s". */
static void write_seconds(struct json_writer *json, int64_t ms)
{
    char text[32];
    int len = ms % 1000 == 0 ? snprintf(text, sizeof text, "%llds", (long long)(ms / 1000))
                             : snprintf(text, sizeof text, "%lld.%03llds", (long long)(ms / 1000),
                                        (long long)(ms % 1000));
    json_write_string(json, slice_of(text, (size_t)len));
}

/* Our stable code, how long to wait, the member that is wrong and the call's id, as google.rpc says
 * such things. */
static void write_details(struct json_writer *json, const struct answer_error *error)
{
    json_key(json, SLICE("details"));
    json_begin_array(json);
    if (error->code.ptr != NULL || error->call_id.len > 0) {
        json_begin_object(json);
        json_member_string(json, SLICE("@type"), SLICE("type.googleapis.com/google.rpc.ErrorInfo"));
        if (error->code.ptr != NULL) {
            json_member_string(json, SLICE("reason"), error->code);
        }
        json_member_string(json, SLICE("domain"), SLICE("sluice"));
        if (error->call_id.len > 0) {
            json_key(json, SLICE("metadata"));
            json_begin_object(json);
            json_member_string(json, SLICE("call_id"), error->call_id);
            json_end_object(json);
        }
        json_end_object(json);
    }
    if (error->retry_after_ms > 0) { /* Google's clients look for it here and not in the head */
        json_begin_object(json);
        json_member_string(json, SLICE("@type"), SLICE("type.googleapis.com/google.rpc.RetryInfo"));
        json_key(json, SLICE("retryDelay"));
        write_seconds(json, error->retry_after_ms);
        json_end_object(json);
    }
    if (error->param.ptr != NULL) {
        json_begin_object(json);
        json_member_string(json, SLICE("@type"),
                           SLICE("type.googleapis.com/google.rpc.BadRequest"));
        json_key(json, SLICE("fieldViolations"));
        json_begin_array(json);
        json_begin_object(json);
        json_member_string(json, SLICE("field"), error->param);
        json_member_string(json, SLICE("description"), error->message);
        json_end_object(json);
        json_end_array(json);
        json_end_object(json);
    }
    json_end_array(json);
}

void gemini_write_error(const struct answer_error *error, struct buf *out)
{
    struct json_writer json;
    json_writer_init(&json, out);
    json_begin_object(&json);
    json_key(&json, SLICE("error"));
    json_begin_object(&json);
    json_member_int(&json, SLICE("code"), error->status);
    json_member_string(&json, SLICE("message"), error->message);
    json_member_string(&json, SLICE("status"), gemini_status_name(error->status));
    write_details(&json, error);
    if (error->detail.ptr != NULL) {
        json_member_raw(&json, SLICE("sluice"), error->detail);
    }
    json_end_object(&json);
    json_end_object(&json);
}

void gemini_write_stream_error(const struct answer_error *error, struct buf *out)
{
    if (error->stream_array) {
        buf_append(out, error->stream_begun ? SLICE(",\r\n") : SLICE("["));
        gemini_write_error(error, out);
        buf_append_char(out, ']');
        return;
    }
    buf_append(out, SLICE("data: "));
    gemini_write_error(error, out);
    buf_append(out, SLICE("\r\n\r\n"));
}
