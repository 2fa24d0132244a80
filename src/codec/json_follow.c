/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_follow.h"

enum {
    START,
    VALUE,       /* one must come */
    FIRST_VALUE, /* or the end of the array */
    KEY,         /* a name must come */
    FIRST_KEY,   /* or the end of the object */
    COLON,       /* after a name */
    AFTER,       /* a value: a comma or an end */
    STRING,
    ESCAPE, /* after a backslash */
    DIGITS, /* after \u */
    LITERAL,
    MINUS,
    ZERO,
    INTEGER,
    POINT,
    FRACTION,
    EXPONENT, /* after the letter */
    SIGN,     /* of the exponent */
    POWER,
    WHOLE,
    BROKEN,
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool in_object(const struct json_follow *f)
{
    unsigned at = f->depth - 1u;
    return (f->objects[at / 64] >> (at % 64) & 1) != 0;
}

static uint8_t open_one(struct json_follow *f, bool object)
{
    if (f->depth == JSON_FOLLOW_DEPTH) {
        return BROKEN;
    }
    uint64_t bit = (uint64_t)1 << (f->depth % 64);
    uint64_t *word = &f->objects[f->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    f->depth++;
    return object ? FIRST_KEY : FIRST_VALUE;
}

static uint8_t close_one(struct json_follow *f, bool object)
{
    if (in_object(f) != object) {
        return BROKEN;
    }
    f->depth--;
    return f->depth == 0 ? WHOLE : AFTER;
}

static uint8_t begin_string(struct json_follow *f, bool key)
{
    f->key = key;
    return STRING;
}

static uint8_t begin_literal(struct json_follow *f, const char *rest)
{
    f->rest = rest;
    return LITERAL;
}

static uint8_t begin_value(struct json_follow *f, char c)
{
    switch (c) {
    case '{':
    case '[':
        return open_one(f, c == '{');
    case '"':
        return begin_string(f, false);
    case '-':
        return MINUS;
    case '0':
        return ZERO;
    case 't':
        return begin_literal(f, "rue");
    case 'f':
        return begin_literal(f, "alse");
    case 'n':
        return begin_literal(f, "ull");
    default:
        return is_digit(c) ? INTEGER : BROKEN;
    }
}

static uint8_t after_value(struct json_follow *f, char c)
{
    if (c == ',') {
        return in_object(f) ? KEY : VALUE;
    }
    return c == '}' || c == ']' ? close_one(f, c == '}') : BROKEN;
}

/* Between tokens. */
static uint8_t next_token(struct json_follow *f, char c)
{
    if (is_space(c)) {
        return f->state;
    }
    switch (f->state) {
    case START:
        return c == '{' ? open_one(f, true) : BROKEN;
    case FIRST_VALUE:
        return c == ']' ? close_one(f, false) : begin_value(f, c);
    case VALUE:
        return begin_value(f, c);
    case FIRST_KEY:
        return c == '}' ? close_one(f, true) : c == '"' ? begin_string(f, true) : BROKEN;
    case KEY:
        return c == '"' ? begin_string(f, true) : BROKEN;
    case COLON:
        return c == ':' ? VALUE : BROKEN;
    case AFTER:
        return after_value(f, c);
    default:
        return BROKEN; /* after the whole */
    }
}

static uint8_t in_string(struct json_follow *f, char c)
{
    if (c == '"') {
        return f->key ? COLON : AFTER;
    }
    return c == '\\' ? ESCAPE : (unsigned char)c < 0x20 ? BROKEN : STRING;
}

static uint8_t in_escape(struct json_follow *f, char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return STRING;
    case 'u':
        f->left = 4;
        return DIGITS;
    default:
        return BROKEN;
    }
}

static uint8_t in_digits(struct json_follow *f, char c)
{
    if (!is_hex(c)) {
        return BROKEN;
    }
    f->left--;
    return f->left == 0 ? STRING : DIGITS;
}

static uint8_t in_literal(struct json_follow *f, char c)
{
    if (c != *f->rest) {
        return BROKEN;
    }
    f->rest++;
    return *f->rest == '\0' ? AFTER : LITERAL;
}

/* A number has no end of its own: what follows is read as what follows a value. */
static uint8_t end_number(struct json_follow *f, char c)
{
    f->state = AFTER;
    return next_token(f, c);
}

static uint8_t in_number(struct json_follow *f, char c)
{
    bool digit = is_digit(c);
    bool power = c == 'e' || c == 'E';
    switch (f->state) {
    case MINUS:
        return c == '0' ? ZERO : digit ? INTEGER : BROKEN;
    case ZERO:
    case INTEGER:
        if (digit) {
            return f->state == INTEGER ? INTEGER : BROKEN;
        }
        return c == '.' ? POINT : power ? EXPONENT : end_number(f, c);
    case POINT:
        return digit ? FRACTION : BROKEN;
    case FRACTION:
        return digit ? FRACTION : power ? EXPONENT : end_number(f, c);
    case EXPONENT:
        return c == '+' || c == '-' ? SIGN : digit ? POWER : BROKEN;
    case SIGN:
        return digit ? POWER : BROKEN;
    default:
        return digit ? POWER : end_number(f, c);
    }
}

static uint8_t next_state(struct json_follow *f, char c)
{
    switch (f->state) {
    case STRING:
        return in_string(f, c);
    case ESCAPE:
        return in_escape(f, c);
    case DIGITS:
        return in_digits(f, c);
    case LITERAL:
        return in_literal(f, c);
    case BROKEN:
        return BROKEN;
    default:
        return f->state >= MINUS && f->state <= POWER ? in_number(f, c) : next_token(f, c);
    }
}

enum json_follow_result json_follow(struct json_follow *f, char c)
{
    f->state = next_state(f, c);
    return f->state == WHOLE    ? JSON_FOLLOW_WHOLE
           : f->state == BROKEN ? JSON_FOLLOW_BROKEN
                                : JSON_FOLLOW_OPEN;
}

/* A member of the outermost object is whole: where it ends; else 0. */
static size_t member_end(const struct json_follow *f, struct slice part, size_t at)
{
    if (f->state == WHOLE || (f->state == AFTER && f->depth == 1)) {
        return at + 1;
    }
    return f->state == KEY && f->depth == 1 && part.ptr[at] == ',' ? at : 0;
}

bool json_mend(struct slice part, struct buf *out)
{
    struct json_follow f = {0};
    size_t end = 0;
    enum json_follow_result result = JSON_FOLLOW_OPEN;
    for (size_t i = 0; i < part.len && result == JSON_FOLLOW_OPEN; i++) {
        result = json_follow(&f, part.ptr[i]);
        size_t here = result == JSON_FOLLOW_BROKEN ? 0 : member_end(&f, part, i);
        end = here > 0 ? here : end;
    }
    return end > 0 && buf_append(out, slice_of(part.ptr, end)) &&
           (result == JSON_FOLLOW_WHOLE || buf_append_char(out, '}'));
}
