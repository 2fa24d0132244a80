/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/base64.h"

#include "codec/json.h"

/* Values of the letters plus one; 0: no letter. Both alphabets. */
static const uint8_t letters[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['-'] = 63,
    ['/'] = 64, ['_'] = 64,
};

struct survey {
    size_t count;   /* letters */
    size_t padding; /* 0..2 */
    bool url;       /* a letter of the other alphabet is there */
    bool ok;
};

static struct survey survey_plain(struct slice text)
{
    struct survey s = {.count = text.len};
    while (s.padding < 2 && s.count > 0 && text.ptr[s.count - 1] == '=') {
        s.padding++;
        s.count--;
    }
    unsigned wrong = 0;
    unsigned url = 0;
    for (size_t i = 0; i < s.count; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        wrong |= letters[c] == 0;
        url |= c == '-' || c == '_';
    }
    s.url = url != 0;
    s.ok = wrong == 0 && s.count % 4 != 1;
    s.ok = s.ok && (s.padding == 0 || (s.count + s.padding) % 4 == 0);
    return s;
}

static bool is_padded(const struct survey *s)
{
    return (s->count + s->padding) % 4 == 0;
}

static bool has_escape(struct slice inner)
{
    return inner.len > 0 && memchr(inner.ptr, '\\', inner.len) != NULL;
}

static struct slice copy_standard(struct slice text, const struct survey *s, struct arena *arena)
{
    size_t padding = (4 - s->count % 4) % 4;
    char *copy = arena_alloc(arena, s->count + padding + 1);
    if (copy == NULL) {
        return SLICE_EMPTY;
    }
    for (size_t i = 0; i < s->count; i++) {
        char c = text.ptr[i];
        copy[i] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    memset(copy + s->count, '=', padding);
    return slice_of(copy, s->count + padding);
}

bool base64_standard(struct slice inner, struct arena *arena, struct slice *ret_standard)
{
    struct buf plain = BUF_INIT(inner.len + 1);
    bool escaped = has_escape(inner);
    bool ok = !escaped || json_unescape(inner, &plain);
    struct slice text = escaped ? buf_slice(&plain) : inner;
    struct survey s = survey_plain(text);
    ok = ok && s.ok;
    if (ok) {
        bool standard = !escaped && !s.url && is_padded(&s);
        *ret_standard = standard ? inner : copy_standard(text, &s, arena);
        ok = ret_standard->ptr != NULL;
    }
    buf_release(&plain);
    return ok;
}

bool base64_decode(struct slice text, struct buf *out)
{
    struct survey s = survey_plain(text);
    char *to = s.ok ? buf_reserve(out, s.count * 3 / 4 + 3) : NULL;
    if (to == NULL) {
        return false;
    }
    uint32_t bits = 0;
    size_t length = 0;
    for (size_t i = 0; i < s.count; i++) {
        bits = bits << 6 | (uint32_t)(letters[(unsigned char)text.ptr[i]] - 1);
        if (i % 4 > 0) {
            unsigned left = (unsigned)(6 - i % 4 * 2);
            to[length++] = (char)(unsigned char)(bits >> left);
        }
    }
    out->len += length;
    return true;
}
