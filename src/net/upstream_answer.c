/* SPDX-License-Identifier: Apache-2.0 */
#include "net/upstream_answer.h"

/* What the head says about framing. */
struct framing {
    bool has_length;
    bool chunked;
    uint64_t length;
    bool close;
    uint64_t idle_ms; /* how long the peer keeps an idle connection; UINT64_MAX: it did not say */
};

void answer_begin(struct answer *answer, struct answer_heads *heads,
                  const struct answer_expect *expect)
{
    answer->state = ANSWER_IN_HEAD;
    answer->interim = 0;
    answer->keep_alive = false;
    answer->idle_ms = UINT64_MAX;
    answer->expect = *expect;
    answer->left = 0;
    answer->allowed = expect->body_limit;
    answer->heads = heads;
    answer->head = NULL;
    answer->detail = NULL;
}

void answer_release(struct answer *answer)
{
    if (answer->head != NULL) {
        answer_head_give(answer->heads, answer->head);
        answer->head = NULL;
    }
}

static enum answer_event answer_fail(struct answer *answer, enum upstream_failure failure,
                                     const char *detail)
{
    answer_release(answer);
    answer->state = ANSWER_BROKEN;
    answer->keep_alive = false;
    answer->failure = failure;
    answer->detail = detail;
    return ANSWER_FAILED;
}

/* --- what the head says --- */

static bool list_has(struct slice list, struct slice word)
{
    while (list.len > 0) {
        if (slice_eq_nocase(slice_trim(slice_cut(&list, ',')), word)) {
            return true;
        }
    }
    return false;
}

static const char *read_length(struct framing *framing, struct slice value)
{
    if (framing->has_length) {
        return "Content-Length is given twice";
    }
    framing->has_length = true;
    if (!slice_to_u64(value, &framing->length) || framing->length > INT64_MAX) {
        return "Content-Length is not a number";
    }
    return NULL;
}

static const char *read_coding(struct framing *framing, struct slice value)
{
    if (framing->chunked || !slice_eq_nocase(value, SLICE("chunked"))) {
        return "Transfer-Encoding is not exactly chunked";
    }
    framing->chunked = true;
    return NULL;
}

/* "timeout=5, max=100": not standard, but servers that send it mean it. A second is left for the
 * way. */
static void read_keep_alive(struct framing *framing, struct slice value)
{
    struct slice timeout = SLICE("timeout=");
    uint64_t seconds;

    while (value.len > 0) {
        struct slice item = slice_trim(slice_cut(&value, ','));
        if (slice_starts(item, timeout) && slice_to_u64(slice_from(item, timeout.len), &seconds) &&
            seconds < UINT32_MAX) {
            framing->idle_ms = seconds > 1 ? (seconds - 1) * 1000 : seconds * 500;
        }
    }
}

static uint64_t eight_bytes(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word | 0x2020202020202020ULL;
}

/* Is this field name, of the same length as `word`, that word? `word` is in lower case, of 8 to 16
   letters and dashes: among the bytes of a name only a letter becomes a lower case letter by
   setting its sixth bit, and only a dash a dash. Runs over fields of every answer, hence not byte
   by byte. */
static bool name_is(struct slice name, const char *word)
{
    size_t last = name.len - 8;

    return eight_bytes(name.ptr) == eight_bytes(word) &&
           eight_bytes(name.ptr + last) == eight_bytes(word + last);
}

/* The three fields that frame, told apart by their lengths first. */
static const char *framing_field(struct framing *framing, const struct http_header *header)
{
    switch (header->name.len) {
    case 10:
        if (name_is(header->name, "connection")) {
            framing->close = framing->close || list_has(header->value, SLICE("close"));
        } else if (name_is(header->name, "keep-alive")) {
            read_keep_alive(framing, header->value);
        }
        return NULL;
    case 14:
        return name_is(header->name, "content-length") ? read_length(framing, header->value) : NULL;
    case 17:
        /* Twice eight bytes leave out the one in the middle. */
        return slice_eq_nocase(header->name, SLICE("transfer-encoding"))
                   ? read_coding(framing, header->value)
                   : NULL;
    default:
        return NULL;
    }
}

static const char *framing_read(struct framing *framing, const struct answer_head *head)
{
    *framing = (struct framing){.idle_ms = UINT64_MAX};
    for (size_t i = 0; i < head->count; i++) {
        const char *error = framing_field(framing, &head->headers[i]);
        if (error != NULL) {
            return error;
        }
    }
    if (framing->chunked && framing->has_length) {
        return "both Content-Length and Transfer-Encoding are given";
    }
    if (framing->chunked && head->http_1_0) {
        return "Transfer-Encoding in HTTP/1.0";
    }
    return NULL;
}

/* --- from the head to the body --- */

static bool framing_has_body(const struct framing *framing)
{
    return framing->chunked || (framing->has_length && framing->length > 0);
}

static enum answer_event interim_done(struct answer *answer, const struct framing *framing)
{
    if (answer->head->status == 101) {
        return answer_fail(answer, UPSTREAM_MALFORMED, "protocol switch that nobody asked for");
    }
    if (framing_has_body(framing)) {
        return answer_fail(answer, UPSTREAM_MALFORMED, "interim answer with a body");
    }
    if (++answer->interim > ANSWER_INTERIM_MAX) {
        return answer_fail(answer, UPSTREAM_MALFORMED, "too many interim answers");
    }
    answer_head_reset(answer->head);
    return ANSWER_MORE;
}

static bool answer_without_body(const struct answer *answer, int status)
{
    return answer->expect.no_body || status == 204 || status == 304 ||
           (answer->expect.tunnel && status >= 200 && status <= 299);
}

static void body_begin(struct answer *answer, const struct framing *framing, bool without_body)
{
    if (without_body || (framing->has_length && framing->length == 0)) {
        answer->state = ANSWER_COMPLETE;
    } else if (framing->has_length) {
        answer->state = ANSWER_IN_COUNTED;
        answer->left = framing->length;
    } else if (framing->chunked) {
        answer->state = ANSWER_IN_CHUNKED;
        answer->chunks = (struct http_chunk){0};
    } else {
        answer->state = ANSWER_IN_UNBOUNDED;
        answer->keep_alive = false;
    }
}

/* ANSWER_MORE after an interim answer. */
static enum answer_event head_done(struct answer *answer)
{
    struct answer_head *head = answer->head;
    struct framing framing;
    const char *error = framing_read(&framing, head);

    if (error != NULL) {
        return answer_fail(answer, UPSTREAM_MALFORMED, error);
    }
    if (head->status < 200) {
        return interim_done(answer, &framing);
    }
    if (head->status == 204 && !answer->expect.tunnel && framing_has_body(&framing)) {
        return answer_fail(answer, UPSTREAM_MALFORMED, "status 204 with a body");
    }
    bool without_body = answer_without_body(answer, head->status);
    if (!without_body && framing.has_length && framing.length > answer->allowed) {
        return answer_fail(answer, UPSTREAM_TOO_LARGE, "body is larger than the limit");
    }
    answer->keep_alive = !head->http_1_0 && !framing.close && framing.idle_ms > 0;
    answer->idle_ms = framing.idle_ms;
    body_begin(answer, &framing, without_body);
    answer->response = (struct http_response){
        .status = head->status,
        .headers = head->headers,
        .header_count = head->count,
        .content_length = framing.has_length                 ? (int64_t)framing.length
                          : answer->state == ANSWER_COMPLETE ? 0
                                                             : HTTP_CONTENT_LENGTH_UNKNOWN,
    };
    return ANSWER_HEAD;
}

static void input_skip(struct answer_input *input, size_t count)
{
    input->ptr += count;
    input->len -= count;
}

static enum answer_event next_in_head(struct answer *answer, struct answer_input *input)
{
    while (input->len > 0) {
        if (answer->head == NULL) {
            answer->head = answer_head_take(answer->heads);
            if (answer->head == NULL) {
                return answer_fail(answer, UPSTREAM_TOO_LARGE, "out of memory");
            }
        }
        struct answer_head *head = answer->head;
        size_t used = 0;
        enum head_status status =
            answer_head_feed(head, input->ptr, input->len, answer->expect.head_limit, &used);
        input_skip(input, used);
        if (status == HEAD_MORE) {
            return ANSWER_MORE;
        }
        if (status != HEAD_DONE) {
            return answer_fail(answer,
                               status == HEAD_TOO_LARGE ? UPSTREAM_TOO_LARGE : UPSTREAM_MALFORMED,
                               head->error);
        }
        enum answer_event event = head_done(answer);
        if (event != ANSWER_MORE) {
            return event;
        }
    }
    return ANSWER_MORE;
}

/* --- the body --- */

static enum answer_event next_counted(struct answer *answer, struct answer_input *input,
                                      struct slice *ret_data)
{
    size_t count = input->len < answer->left ? input->len : (size_t)answer->left;

    *ret_data = slice_of(input->ptr, count);
    input_skip(input, count);
    answer->left -= count;
    if (answer->left == 0) {
        answer->state = ANSWER_COMPLETE;
    }
    return ANSWER_DATA;
}

/* Takes `data` from what the body limit allows; beyond it the rest is cut and the next event is the
 * failure. */
static enum answer_event charge(struct answer *answer, struct slice data, struct slice *ret_data)
{
    if (data.len > answer->allowed) {
        data.len = (size_t)answer->allowed;
        (void)answer_fail(answer, UPSTREAM_TOO_LARGE, "body is larger than the limit");
    }
    answer->allowed -= data.len;
    *ret_data = data;
    if (data.len > 0) {
        return ANSWER_DATA;
    }
    switch (answer->state) {
    case ANSWER_COMPLETE:
        return ANSWER_END;
    case ANSWER_BROKEN:
        return ANSWER_FAILED;
    default:
        return ANSWER_MORE;
    }
}

/* All data of the input, moved together in place: one read of the socket is one run of body bytes.
 */
static enum http_chunk_status unframe(struct http_chunk *chunks, struct answer_input *input,
                                      struct slice *data)
{
    struct slice rest = slice_of(input->ptr, input->len);
    struct slice piece;
    enum http_chunk_status status;
    char *start = NULL;

    while ((status = http_chunk_next(chunks, &rest, &piece)) == HTTP_CHUNK_DATA) {
        if (start == NULL) {
            start = input->ptr + (piece.ptr - input->ptr);
        } else {
            memmove(start + data->len, piece.ptr, piece.len);
        }
        data->len += piece.len;
    }
    data->ptr = start;
    input_skip(input, input->len - rest.len);
    return status;
}

static enum answer_event next_chunked(struct answer *answer, struct answer_input *input,
                                      struct slice *ret_data)
{
    struct slice data = SLICE_EMPTY;

    switch (unframe(&answer->chunks, input, &data)) {
    case HTTP_CHUNK_END:
        answer->state = ANSWER_COMPLETE;
        break;
    case HTTP_CHUNK_BAD:
        (void)answer_fail(answer, UPSTREAM_MALFORMED, "chunked framing is malformed");
        break;
    default:
        break;
    }
    return charge(answer, data, ret_data);
}

static enum answer_event next_unbounded(struct answer *answer, struct answer_input *input,
                                        struct slice *ret_data)
{
    struct slice data = slice_of(input->ptr, input->len);

    input_skip(input, input->len);
    return charge(answer, data, ret_data);
}

enum answer_event answer_next(struct answer *answer, struct answer_input *input,
                              struct slice *ret_data)
{
    *ret_data = SLICE_EMPTY;
    if (answer->state != ANSWER_IN_HEAD) {
        answer_release(answer); /* the head has been shown */
    }
    switch (answer->state) {
    case ANSWER_COMPLETE:
        return ANSWER_END;
    case ANSWER_BROKEN:
        return ANSWER_FAILED;
    default:
        break;
    }
    if (input->len == 0) {
        return ANSWER_MORE;
    }
    switch (answer->state) {
    case ANSWER_IN_HEAD:
        return next_in_head(answer, input);
    case ANSWER_IN_COUNTED:
        return next_counted(answer, input, ret_data);
    case ANSWER_IN_CHUNKED:
        return next_chunked(answer, input, ret_data);
    default:
        return next_unbounded(answer, input, ret_data);
    }
}

enum answer_event answer_finish(struct answer *answer, bool orderly)
{
    const char *detail = orderly ? "connection closed" : "connection reset";

    switch (answer->state) {
    case ANSWER_COMPLETE:
        return ANSWER_END;
    case ANSWER_BROKEN:
        return ANSWER_FAILED;
    case ANSWER_IN_UNBOUNDED:
        if (orderly) {
            answer->state = ANSWER_COMPLETE;
            return ANSWER_END;
        }
        detail = "answer without a length was cut off";
        break;
    case ANSWER_IN_HEAD:
        if (answer->head != NULL || answer->interim > 0) {
            detail =
                orderly ? "connection closed within the head" : "connection reset within the head";
        } else {
            detail = orderly ? "connection closed before the answer"
                             : "connection reset before the answer";
        }
        break;
    case ANSWER_IN_COUNTED:
    case ANSWER_IN_CHUNKED:
        detail = orderly ? "connection closed within the body" : "connection reset within the body";
        break;
    }
    return answer_fail(answer, UPSTREAM_CLOSED, detail);
}
