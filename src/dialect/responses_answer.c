/* SPDX-License-Identifier: Apache-2.0 */
/* The response object, whole answers, and errors inside streams. */
#include "dialect/inner.h"
#include "dialect/responses.h"
#include "dialect/responses_out.h"

#define LAST_NUMBER 1000000000 /* beyond any event of ours: numbers only have to rise */

static bool has_refusal(const struct responses_encoder *e)
{
    for (size_t i = 0; i < e->item_count; i++) {
        if (e->items[i].kind == OUT_REFUSAL) {
            return true;
        }
    }
    return false;
}

enum out_status out_status_of(const struct responses_encoder *e)
{
    if (e->failed) {
        return OUT_FAILED;
    }
    switch (e->finish) {
    case FINISH_NONE:
        return OUT_IN_PROGRESS;
    case FINISH_LENGTH:
    case FINISH_CONTENT_FILTER:
        return OUT_INCOMPLETE;
    case FINISH_REFUSAL:
        return has_refusal(e) ? OUT_COMPLETED : OUT_INCOMPLETE;
    case FINISH_ERROR:
        return OUT_FAILED;
    case FINISH_STOP:
    case FINISH_TOOL_CALLS:
        break;
    }
    return OUT_COMPLETED;
}

static void write_failure(const struct responses_encoder *e, struct buf *out)
{
    buf_append(out, SLICE(",\"error\":{\"code\":\""));
    inner_append(out, e->error_code.len > 0 ? buf_slice(&e->error_code) : SLICE("server_error"));
    buf_append(out, SLICE("\",\"message\":\""));
    inner_append(out, e->error_text.len > 0 ? buf_slice(&e->error_text)
                                            : SLICE("The provider did not finish the answer."));
    buf_append(out, SLICE("\"}"));
}

static void write_outcome(const struct responses_encoder *e, enum out_status status,
                          struct buf *out)
{
    if (status == OUT_FAILED) {
        write_failure(e, out);
    } else {
        buf_append(out, SLICE(",\"error\":null"));
    }
    if (status != OUT_INCOMPLETE) {
        buf_append(out, SLICE(",\"incomplete_details\":null"));
    } else if (e->finish == FINISH_LENGTH) {
        buf_append(out, SLICE(",\"incomplete_details\":{\"reason\":\"max_output_tokens\"}"));
    } else {
        buf_append(out, SLICE(",\"incomplete_details\":{\"reason\":\"content_filter\"}"));
    }
}

static void write_usage(const struct usage *usage, struct buf *out)
{
    buf_append(out, SLICE(",\"usage\":{\"input_tokens\":"));
    buf_append_i64(out, usage->input);
    buf_append(out, SLICE(",\"input_tokens_details\":{\"cached_tokens\":"));
    buf_append_i64(out, usage->cache_read);
    if (usage->cache_write + usage->cache_write_1h > 0) {
        buf_append(out, SLICE(",\"cache_write_tokens\":"));
        buf_append_i64(out, usage->cache_write + usage->cache_write_1h);
    }
    buf_append(out, SLICE("},\"output_tokens\":"));
    buf_append_i64(out, usage->output);
    buf_append(out, SLICE(",\"output_tokens_details\":{\"reasoning_tokens\":"));
    buf_append_i64(out, usage->reasoning);
    buf_append(out, SLICE("},\"total_tokens\":"));
    buf_append_i64(out, usage->input + usage->output);
    buf_append_char(out, '}');
}

void out_write_response(const struct responses_encoder *e, enum out_status status, struct buf *out)
{
    static const struct slice words[] = {
        [OUT_IN_PROGRESS] = SLICE_INIT("in_progress"),
        [OUT_COMPLETED] = SLICE_INIT("completed"),
        [OUT_INCOMPLETE] = SLICE_INIT("incomplete"),
        [OUT_FAILED] = SLICE_INIT("failed"),
    };
    buf_append(out, SLICE("{\"id\":\""));
    inner_append(out, buf_slice(&e->id));
    buf_append(out, SLICE("\",\"object\":\"response\",\"created_at\":"));
    buf_append_i64(out, e->base.created_s);
    buf_append(out, SLICE(",\"status\":\""));
    buf_append(out, words[status]);
    buf_append(out, SLICE("\",\"background\":false"));
    write_outcome(e, status, out);
    buf_append(out, SLICE(",\"model\":\""));
    inner_append(out, buf_slice(&e->told_model));
    buf_append(out, SLICE("\",\"output\":["));
    out_write_items(e, out);
    buf_append_char(out, ']');
    buf_append(out, buf_slice(&e->echo));
    if (e->base.has_usage && status != OUT_IN_PROGRESS) {
        write_usage(&e->base.usage, out);
    }
    buf_append_char(out, '}');
    out->failed = out->failed || e->echo.failed || e->id.failed || e->told_model.failed;
}

bool responses_write_answer(const struct answer_head *head, const struct frame *frame,
                            struct buf *out)
{
    struct encoder *base = responses_encoder_new(head);
    if (base == NULL) {
        return false;
    }
    struct responses_encoder *e = (struct responses_encoder *)base;
    e->silent = true;
    bool ok = responses_take(e, frame, out);
    enum out_status status = out_status_of(e);
    out_write_response(e, status == OUT_IN_PROGRESS ? OUT_FAILED : status, out);
    responses_encoder_free(base);
    return ok && !out->failed;
}

/* --- errors inside streams --- */

static void write_words(struct json_writer *json, const struct answer_error *error)
{
    json_member_string(json, SLICE("code"),
                       error->code.ptr == NULL ? SLICE("server_error") : error->code);
    json_member_string(json, SLICE("message"), error->message);
}

static bool write_with_encoder(const struct answer_error *error, struct buf *out)
{
    struct buf code = BUF_INIT(4096);
    struct buf message = BUF_INIT(16384);
    json_escape(error->code, &code);
    json_escape(error->message, &message);
    const struct event event = {
        .kind = EVENT_ERROR, .name = buf_slice(&code), .text = buf_slice(&message)};
    const struct frame frame = {.events = &event, .count = 1, .terminal = true};
    size_t before = out->len;
    bool written = !code.failed && !message.failed &&
                   responses_encode(error->encoder, &frame, out) && out->len > before;
    buf_release(&code);
    buf_release(&message);
    return written;
}

static void write_id(struct json_writer *json, const struct answer_error *error)
{
    if (error->answer_id.len > 0) {
        json_member_inner(json, SLICE("id"), error->answer_id);
        return;
    }
    json_key(json, SLICE("id"));
    json_write_raw(json, SLICE("\"resp_"));
    json_escape(error->call_id, json->out);
    buf_append_char(json->out, '"');
}

/* First the event for those who look for an error, then the one that ends every response. */
void responses_write_stream_error(const struct answer_error *error, struct buf *out)
{
    struct json_writer json;
    const int64_t number = error->next_number > 0 ? error->next_number : LAST_NUMBER;
    if (error->encoder != NULL && write_with_encoder(error, out)) {
        return;
    }
    buf_append(out, SLICE("event: error\ndata: "));
    json_writer_init(&json, out);
    json_begin_object(&json);
    json_member_string(&json, SLICE("type"), SLICE("error"));
    json_member_int(&json, SLICE("sequence_number"), number);
    write_words(&json, error);
    json_key(&json, SLICE("param"));
    json_write_null(&json);
    json_end_object(&json);
    buf_append(out, SLICE("\n\nevent: response.failed\ndata: "));
    json_writer_init(&json, out);
    json_begin_object(&json);
    json_member_string(&json, SLICE("type"), SLICE("response.failed"));
    json_member_int(&json, SLICE("sequence_number"), number + 1);
    json_key(&json, SLICE("response"));
    json_begin_object(&json);
    write_id(&json, error);
    json_member_string(&json, SLICE("object"), SLICE("response"));
    json_member_int(&json, SLICE("created_at"), error->created_s);
    json_member_string(&json, SLICE("status"), SLICE("failed"));
    json_key(&json, SLICE("error"));
    json_begin_object(&json);
    write_words(&json, error);
    json_end_object(&json);
    json_member_raw(&json, SLICE("incomplete_details"), SLICE("null"));
    json_member_string(&json, SLICE("model"), error->model);
    json_member_raw(&json, SLICE("output"), SLICE("[]"));
    json_end_object(&json);
    json_end_object(&json);
    buf_append(out, SLICE("\n\n"));
}
