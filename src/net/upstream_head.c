/* SPDX-License-Identifier: Apache-2.0 */
#include "net/upstream_head.h"

#include "base/memory.h"

#define FREE_HEADS_MAX 8
#define FREE_CARRY_MAX 4096

/* --- what llhttp reports --- */

static int on_field(llhttp_t *parser, const char *at, size_t len)
{
    struct answer_head *head = parser->data;

    /* One past the table is refused when its value ends, so that the result does not depend on the
     * reads. */
    if (head->count == ANSWER_FIELDS_MAX) {
        return 0;
    }
    struct answer_field *field = &head->fields[head->count];
    if (!head->name_open) {
        head->name_open = true;
        field->name_at = (uint32_t)(at - head->base);
        field->name_len = 0;
        field->value_len = 0;
    }
    field->name_len += (uint32_t)len;
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
    struct answer_head *head = parser->data;

    if (head->count == ANSWER_FIELDS_MAX || len == 0) {
        return 0;
    }
    struct answer_field *field = &head->fields[head->count];
    if (!head->value_open) {
        head->value_open = true;
        field->value_at = (uint32_t)(at - head->base);
    }
    /* A folded value comes in pieces that do not touch; its length is then wrong, and the line
     * check finds it. */
    field->value_len += (uint32_t)len;
    return 0;
}

static int on_value_complete(llhttp_t *parser)
{
    struct answer_head *head = parser->data;

    if (head->count == ANSWER_FIELDS_MAX) {
        head->error = "too many header fields";
        return -1;
    }
    head->name_open = false;
    head->value_open = false;
    head->count++;
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED; /* the body is not llhttp's business */
}

static const llhttp_settings_t settings = {
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
};

/* --- our own rules --- */

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* "HTTP/1.1 200 OK\r\n": returns where the next line starts, 0 when it is not one. */
static size_t status_line_check(struct answer_head *head, const char *base, size_t len)
{
    const char *lf = memchr(base, '\n', len);
    size_t end = lf == NULL ? 0 : (size_t)(lf - base);

    head->error = "status line is malformed";
    if (end < 13 || memcmp(base, "HTTP/1.", 7) != 0 || (base[7] != '0' && base[7] != '1') ||
        base[8] != ' ') {
        return 0;
    }
    if (!is_digit(base[9]) || !is_digit(base[10]) || !is_digit(base[11]) || base[end - 1] != '\r' ||
        (base[12] != ' ' && end != 13)) {
        return 0;
    }
    if (!http_value_valid(slice_of(base + 12, end - 13))) {
        return 0;
    }
    head->http_1_0 = base[7] == '0';
    head->status = (base[9] - '0') * 100 + (base[10] - '0') * 10 + (base[11] - '0');
    head->error = "status is out of range";
    return head->status >= 100 && head->status <= 599 ? end + 1 : 0;
}

static size_t skip_blank(const char *base, size_t at, size_t end)
{
    while (at < end && (base[at] == ' ' || base[at] == '\t')) {
        at++;
    }
    return at;
}

/* llhttp has seen to the characters, except that a build without its strict mode lets blanks into
 * names, and names be empty. (A test compares every byte with http_name_valid and
 * http_value_valid.) */
static bool is_name(struct slice name)
{
    return name.len > 0 && memchr(name.ptr, ' ', name.len) == NULL;
}

/* The field must fill its line exactly: name, colon, blanks, value, CR LF. Returns where the next
 * line starts, or 0. */
static size_t field_check(struct answer_head *head, size_t index, const char *base, size_t line,
                          size_t len)
{
    const struct answer_field *field = &head->fields[index];
    struct slice name = slice_of(base + field->name_at, field->name_len);
    size_t colon = line + name.len;

    head->error = "header field is malformed";
    if (field->name_at != line || colon >= len || base[colon] != ':' || !is_name(name)) {
        return 0;
    }
    size_t start = skip_blank(base, colon + 1, len);
    size_t end = start + field->value_len;
    if ((field->value_len != 0 && field->value_at != start) || end + 2 > len || base[end] != '\r' ||
        base[end + 1] != '\n') {
        return 0;
    }
    struct slice value = slice_of(base + start, field->value_len);
    while (value.len > 0 && (value.ptr[value.len - 1] == ' ' || value.ptr[value.len - 1] == '\t')) {
        value.len--;
    }
    head->headers[index] = (struct http_header){name, value};
    return end + 2;
}

static enum head_status head_settle(struct answer_head *head, const char *base, size_t len)
{
    size_t line = status_line_check(head, base, len);

    for (size_t i = 0; line != 0 && i < head->count; i++) {
        line = field_check(head, i, base, line, len);
    }
    if (line == 0) {
        return HEAD_MALFORMED;
    }
    if (line + 2 != len || base[line] != '\r' || base[line + 1] != '\n') {
        head->error = "head does not end in an empty line";
        return HEAD_MALFORMED;
    }
    head->error = NULL;
    return HEAD_DONE;
}

/* --- reading --- */

void answer_head_reset(struct answer_head *head)
{
    llhttp_init(&head->parser, HTTP_RESPONSE, &settings);
    head->parser.data = head;
    buf_clear(&head->carry);
    head->error = NULL;
    head->name_open = false;
    head->value_open = false;
    head->count = 0;
}

/* Reads base[from..to). *ret_end: where the head ends. */
static enum head_status head_execute(struct answer_head *head, const char *base, size_t from,
                                     size_t to, size_t *ret_end)
{
    head->base = base;
    llhttp_errno_t result = llhttp_execute(&head->parser, base + from, to - from);
    head->base = NULL;
    switch (result) {
    case HPE_OK:
        return HEAD_MORE;
    case HPE_PAUSED:
        *ret_end = (size_t)(llhttp_get_error_pos(&head->parser) - base);
        return head_settle(head, base, *ret_end);
    default:
        if (head->error != NULL) {
            return HEAD_TOO_LARGE; /* set by on_value_complete() */
        }
        head->error = llhttp_get_error_reason(&head->parser);
        return HEAD_MALFORMED;
    }
}

static enum head_status head_too_large(struct answer_head *head, const char *error)
{
    head->error = error;
    return HEAD_TOO_LARGE;
}

enum head_status answer_head_feed(struct answer_head *head, const char *bytes, size_t len,
                                  size_t limit, size_t *ret_used)
{
    size_t had = head->carry.len;
    bool cut = len > limit - had;
    size_t take = cut ? limit - had : len;
    size_t end = 0;

    const char *base = bytes;
    if (had > 0) {
        if (!buf_append(&head->carry, slice_of(bytes, take))) {
            return head_too_large(head, "out of memory");
        }
        base = head->carry.ptr;
    }
    enum head_status status = head_execute(head, base, had, had + take, &end);
    if (status == HEAD_DONE) {
        *ret_used = end - had;
        return status;
    }
    *ret_used = len;
    if (status == HEAD_MORE && (cut || had + take == limit)) {
        return head_too_large(head, "head is too large");
    }
    if (status == HEAD_MORE && had == 0 && !buf_append(&head->carry, slice_of(bytes, take))) {
        return head_too_large(head, "out of memory");
    }
    return status;
}

/* --- the free list --- */

struct answer_head *answer_head_take(struct answer_heads *heads)
{
    struct answer_head *head = heads->first;

    if (head != NULL) {
        heads->first = head->next_free;
        heads->count--;
    } else {
        head = memory_alloc(sizeof(*head));
        if (head == NULL) {
            return NULL;
        }
        buf_init(&head->carry, SIZE_MAX); /* the limit is the caller's */
    }
    answer_head_reset(head);
    return head;
}

void answer_head_give(struct answer_heads *heads, struct answer_head *head)
{
    if (heads->count >= FREE_HEADS_MAX) {
        buf_release(&head->carry);
        memory_free(head);
        return;
    }
    buf_clear(&head->carry);
    buf_trim(&head->carry, FREE_CARRY_MAX);
    head->next_free = heads->first;
    heads->first = head;
    heads->count++;
}

void answer_heads_release(struct answer_heads *heads)
{
    while (heads->first != NULL) {
        struct answer_head *head = heads->first;
        heads->first = head->next_free;
        buf_release(&head->carry);
        memory_free(head);
    }
    heads->count = 0;
}
