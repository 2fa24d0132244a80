/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_chunk.h"

#include "net/http.h"

#define SIZE_DIGITS_MAX 16
#define EXTENSION_MAX 256
#define EXTENSION_TOTAL_MAX 4096
#define TRAILER_TOTAL_MAX 8192

enum chunk_state {
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER_START,
    CHUNK_TRAILER_NAME,
    CHUNK_TRAILER_VALUE,
    CHUNK_TRAILER_LF,
    CHUNK_LAST_LF,
    CHUNK_DONE,
    CHUNK_FAILED, /* every state from here on is a refusal */
};

static int hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool text_byte(unsigned char c)
{
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

static enum chunk_state on_size(struct http_chunk *chunk, unsigned char c)
{
    int digit = hex_value(c);

    if (digit >= 0) {
        if (++chunk->line_len > SIZE_DIGITS_MAX || chunk->left > (uint64_t)INT64_MAX >> 4) {
            return CHUNK_FAILED;
        }
        chunk->left = chunk->left << 4 | (unsigned)digit;
        return CHUNK_SIZE;
    }
    if (chunk->line_len == 0) {
        return CHUNK_FAILED;
    }
    chunk->line_len = 0;
    if (c == ';') {
        return CHUNK_EXTENSION;
    }
    return c == '\r' ? CHUNK_SIZE_LF : CHUNK_FAILED;
}

static enum chunk_state on_extension(struct http_chunk *chunk, unsigned char c)
{
    if (c == '\r') {
        return CHUNK_SIZE_LF;
    }
    if (!text_byte(c) || ++chunk->line_len > EXTENSION_MAX ||
        ++chunk->extension_total > EXTENSION_TOTAL_MAX) {
        return CHUNK_FAILED;
    }
    return CHUNK_EXTENSION;
}

static enum chunk_state on_size_lf(struct http_chunk *chunk, unsigned char c)
{
    chunk->line_len = 0;
    if (c != '\n') {
        return CHUNK_FAILED;
    }
    return chunk->left == 0 ? CHUNK_TRAILER_START : CHUNK_DATA;
}

/* The states inside the trailer section. */
static enum chunk_state on_trailer(struct http_chunk *chunk, unsigned char c)
{
    char byte = (char)c;

    if (++chunk->trailer_total > TRAILER_TOTAL_MAX) {
        return CHUNK_FAILED;
    }
    switch (chunk->state) {
    case CHUNK_TRAILER_START:
        if (c == '\r') {
            return CHUNK_LAST_LF;
        }
        return http_name_valid(slice_of(&byte, 1)) ? CHUNK_TRAILER_NAME : CHUNK_FAILED;
    case CHUNK_TRAILER_NAME:
        if (c == ':') {
            return CHUNK_TRAILER_VALUE;
        }
        return http_name_valid(slice_of(&byte, 1)) ? CHUNK_TRAILER_NAME : CHUNK_FAILED;
    case CHUNK_TRAILER_VALUE:
        if (c == '\r') {
            return CHUNK_TRAILER_LF;
        }
        return text_byte(c) ? CHUNK_TRAILER_VALUE : CHUNK_FAILED;
    case CHUNK_TRAILER_LF:
        return c == '\n' ? CHUNK_TRAILER_START : CHUNK_FAILED;
    default: /* CHUNK_LAST_LF */
        return c == '\n' ? CHUNK_DONE : CHUNK_FAILED;
    }
}

static enum chunk_state on_byte(struct http_chunk *chunk, unsigned char c)
{
    switch (chunk->state) {
    case CHUNK_SIZE:
        return on_size(chunk, c);
    case CHUNK_EXTENSION:
        return on_extension(chunk, c);
    case CHUNK_SIZE_LF:
        return on_size_lf(chunk, c);
    case CHUNK_DATA_CR:
        return c == '\r' ? CHUNK_DATA_LF : CHUNK_FAILED;
    case CHUNK_DATA_LF:
        return c == '\n' ? CHUNK_SIZE : CHUNK_FAILED;
    default:
        return on_trailer(chunk, c);
    }
}

static struct slice take_data(struct http_chunk *chunk, struct slice *input)
{
    size_t len = input->len < chunk->left ? input->len : (size_t)chunk->left;
    struct slice data = slice_of(input->ptr, len);

    *input = slice_of(input->ptr + len, input->len - len);
    chunk->left -= len;
    if (chunk->left == 0) {
        chunk->state = CHUNK_DATA_CR;
    }
    return data;
}

enum http_chunk_status http_chunk_next(struct http_chunk *chunk, struct slice *input,
                                       struct slice *ret_data)
{
    while (chunk->state < CHUNK_DONE && input->len > 0) {
        if (chunk->state == CHUNK_DATA) {
            *ret_data = take_data(chunk, input);
            return HTTP_CHUNK_DATA;
        }
        chunk->state = (uint8_t)on_byte(chunk, (unsigned char)input->ptr[0]);
        input->ptr++;
        input->len--;
    }
    if (chunk->state == CHUNK_DONE) {
        return HTTP_CHUNK_END;
    }
    return chunk->state == CHUNK_FAILED ? HTTP_CHUNK_BAD : HTTP_CHUNK_MORE;
}
