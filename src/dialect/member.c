/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/member.h"

#include <stdarg.h>
#include <stdio.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define NAME_MAX_BYTES 64u
#define ONCE_MAX 64 /* members: what is asked for one by one has a dozen */
#define SCHEMA_MAX_BYTES (1u << 20)
#define KELVIN_SIGN "\xE2\x84\xAA"
#define LONG_S "\xC5\xBF"

static inline uint64_t word_at(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint32_t half_at(const char *at)
{
    uint32_t half;
    memcpy(&half, at, sizeof half);
    return half;
}

/* Of two names with the same mark. Words may overlap; a call for so few bytes costs more than they
   do. */
static inline bool same_name(const char *a, const char *b, size_t length)
{
    if (length >= sizeof(uint64_t)) {
        size_t last = length - sizeof(uint64_t);
        bool same = word_at(a) == word_at(b) && word_at(a + last) == word_at(b + last);
        for (size_t i = sizeof(uint64_t); same && i < last; i += sizeof(uint64_t)) {
            same = word_at(a + i) == word_at(b + i);
        }
        return same;
    }
    if (length >= sizeof(uint32_t)) {
        size_t last = length - sizeof(uint32_t);
        return half_at(a) == half_at(b) && half_at(a + last) == half_at(b + last);
    }
    return length < 3 || a[1] == b[1]; /* the mark compared the others */
}

__attribute__((cold, noinline)) static uint32_t escaped_id(const struct member_table *table,
                                                           struct slice inner)
{
    for (uint32_t id = 0; id < table->count; id++) {
        if (json_inner_is(inner, table->names[id].text)) {
            return id;
        }
    }
    return MEMBER_UNKNOWN;
}

static inline bool is_name(const struct member_name *name, uint32_t mark, struct slice inner)
{
    return name->mark == mark && same_name(name->text.ptr, inner.ptr, inner.len);
}

/* Has the key that begins here this name? MEMBER_FRONT bytes must be readable; false where it takes
   more than them to tell. */
static inline bool is_expected(const struct member_name *name, const char *inner)
{
#ifdef __SSE2__
    __m128i key = _mm_loadu_si128((const __m128i *)(const void *)inner);
    __m128i front = _mm_load_si128((const __m128i *)(const void *)name->front);
    return (name->care & ~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(key, front))) == 0;
#else
    return memcmp(inner, name->front, (size_t)__builtin_ctz(~name->care)) == 0;
#endif
}

/* Of the keys that begin before this place the front is readable. */
static inline uint32_t fronts_end(const struct json_doc *doc)
{
    uint32_t end = doc->nodes[JSON_ROOT].end;
    return end < MEMBER_FRONT ? 0 : end - MEMBER_FRONT;
}

static uint32_t find_other(const struct member_table *table, const char *text,
                           const struct json_node *key, uint32_t guess);

/* `guess` is looked at first, then those behind it: members mostly come in the order of the table,
   some left out. `limit` is what fronts_end() says. */
__attribute__((always_inline)) static inline uint32_t find_id(const struct member_table *table,
                                                              const char *text, uint32_t limit,
                                                              const struct json_node *key,
                                                              uint32_t guess)
{
    if (LIKELY(guess < table->count && key->start < limit) &&
        is_expected(&table->names[guess], text + key->start + 1)) {
        return guess;
    }
    return find_other(table, text, key, guess);
}

__attribute__((noinline)) static uint32_t find_other(const struct member_table *table,
                                                     const char *text, const struct json_node *key,
                                                     uint32_t guess)
{
    struct slice inner = slice_of(text + key->start + 1, key->end - key->start - 2);
    if (UNLIKELY(key->escaped != 0)) {
        return escaped_id(table, inner);
    }
    if (UNLIKELY(inner.len - 1 >= NAME_MAX_BYTES - 1)) {
        return MEMBER_UNKNOWN;
    }
    uint32_t mark = MEMBER_MARK(inner.len, inner.ptr[0], inner.ptr[inner.len - 1]);
    for (uint32_t id = guess; id < table->count; id++) {
        if (UNLIKELY(table->names[id].mark == mark) && is_name(&table->names[id], mark, inner)) {
            return id;
        }
    }
    for (uint32_t id = 0; id < guess; id++) {
        if (UNLIKELY(table->names[id].mark == mark) && is_name(&table->names[id], mark, inner)) {
            return id;
        }
    }
    return MEMBER_UNKNOWN;
}

uint32_t member_id(const struct member_table *table, const struct json_doc *doc, uint32_t key)
{
    return find_id(table, doc->text, fronts_end(doc), &doc->nodes[key], 0);
}

static void values_clear(const struct member_table *table, uint32_t *values)
{
    _Static_assert(JSON_ABSENT == UINT32_MAX, "its bytes are all ones");
    memset(values, 0xFF, table->count * sizeof *values);
}

uint32_t members_scan(const struct json_doc *doc, uint32_t object, const struct member_table *table,
                      uint32_t *values)
{
    uint32_t guess = 0;
    uint32_t unknown = 0;
    values_clear(table, values);
    if (!json_is(doc, object, JSON_OBJECT)) {
        return 0;
    }
    const char *const text = doc->text;
    const struct json_node *nodes = doc->nodes;
    const uint32_t limit = fronts_end(doc);
    uint32_t end = nodes[object].next;
    for (uint32_t key = object + 1; key < end; key = nodes[key + 1].next) {
        uint32_t id = find_id(table, text, limit, &nodes[key], guess);
        if (id != MEMBER_UNKNOWN) {
            values[id] = key + 1;
            guess = id + 1;
        } else {
            unknown++;
        }
    }
    return unknown;
}

/* Folds as lenient decoders do: ASCII letters, and the two other letters of Unicode that fold to
 * ASCII ones. */
static size_t name_fold(struct slice inner, char *out)
{
    char plain[NAME_MAX_BYTES];
    struct slice rest = slice_of(plain, json_unescape_to(inner, plain, sizeof plain));
    size_t length = 0;
    while (rest.len > 0) {
        char c = rest.ptr[0];
        size_t step = 1;
        if (slice_starts(rest, SLICE(KELVIN_SIGN))) {
            c = 'k';
            step = sizeof KELVIN_SIGN - 1;
        } else if (slice_starts(rest, SLICE(LONG_S))) {
            c = 's';
            step = sizeof LONG_S - 1;
        } else if (c >= 'A' && c <= 'Z') {
            c = (char)(c | 0x20);
        }
        out[length++] = c;
        rest = slice_from(rest, step);
    }
    return length;
}

/* The known name that this unknown key equals when case is ignored, or MEMBER_UNKNOWN. */
static uint32_t member_variant(const struct member_table *table, const struct json_doc *doc,
                               uint32_t key)
{
    char folded[NAME_MAX_BYTES];
    struct slice name = slice_of(folded, name_fold(json_inner(doc, key), folded));
    for (uint32_t id = 0; id < table->count; id++) {
        if (slice_eq_nocase(name, table->names[id].text)) {
            return id;
        }
    }
    return MEMBER_UNKNOWN;
}

/* Refuses a member of the object at `inside`: it is there twice, or in a second spelling. */
__attribute__((cold, noinline)) static bool refuse_member(struct reader *r, const char *inside,
                                                          const char *name, bool twice)
{
    char path[NAME_MAX_BYTES * 2];
    (void)snprintf(path, sizeof path, "%s%s%s", inside == NULL ? "" : inside,
                   inside == NULL ? "" : "/", name);
    if (twice) {
        return reader_refuse(r, "duplicate_member", path,
                             "The member \"%s\" is given more than once.", name);
    }
    return reader_refuse(
        r, "ambiguous_member", path,
        "A member differs from \"%s\" only in case; some providers would take it for that.", name);
}

static bool says_nothing(const struct json_doc *doc, uint32_t value)
{
    enum json_kind kind = json_kind(doc, value);
    return kind == JSON_NULL || kind == JSON_FALSE ||
           (kind == JSON_STRING && json_inner(doc, value).len == 0) ||
           (kind == JSON_ARRAY && json_first(doc, value) == JSON_ABSENT);
}

/* "LIST.INDEX.INSIDE.KEY", as far as there is such. */
static struct slice odd_name(struct reader *r, const char *inside, struct slice key)
{
    char name[128];
    size_t length = 0;
    if (r->depth > 0) {
        length =
            (size_t)snprintf(name, sizeof name, "%s.%zu.", r->place[0].list, r->place[0].index);
    }
    for (const char *at = inside; at != NULL && *at != '\0' && length < sizeof name - 2; at++) {
        name[length++] = *at == '/' ? '.' : *at;
        name[length] = '.';
    }
    length += inside != NULL ? 1 : 0;
    size_t room = sizeof name - length;
    size_t taken = key.len < room ? key.len : room;
    memcpy(name + length, key.ptr, taken);
    return arena_copy(r->arena, slice_of(name, length + taken));
}

void reader_odd(struct reader *r, const char *inside, uint32_t value)
{
    struct chat *chat = r->chat;
    if (value == JSON_ABSENT || chat->odd_count == CHAT_ODD_MAX || says_nothing(r->doc, value)) {
        return;
    }
    struct chat_odd *odd = ARENA_NEW(r->arena, struct chat_odd);
    if (odd != NULL) { /* an exhausted arena is found out by the next who needs it */
        *odd = (struct chat_odd){odd_name(r, inside, json_inner(r->doc, value - 1)), chat->odd};
        chat->odd = odd;
        chat->odd_count++;
    }
}

struct odd_mark reader_odd_mark(const struct reader *r)
{
    return (struct odd_mark){r->chat->odd, r->chat->odd_count};
}

void reader_odd_forget(struct reader *r, struct odd_mark mark)
{
    r->chat->odd = mark.odd;
    r->chat->odd_count = mark.count;
}

/* A member outside the table. */
__attribute__((noinline)) static bool unknown_read(struct reader *r, const char *inside,
                                                   const struct member_table *table, uint32_t key)
{
    uint32_t variant = member_variant(table, r->doc, key);
    if (variant != MEMBER_UNKNOWN) {
        return refuse_member(r, inside, table->names[variant].text.ptr, false);
    }
    if (inside != NULL || r->depth > 0) {
        reader_odd(r, inside, key + 1);
    }
    return true;
}

bool members_read(struct reader *r, uint32_t object, const char *inside,
                  const struct member_table *table, uint32_t *values, size_t *ret_unknown)
{
    const struct json_doc *doc = r->doc;
    size_t unknown = 0;
    uint32_t guess = 0;
    values_clear(table, values);
    const char *const text = doc->text;
    const struct json_node *nodes = doc->nodes;
    const uint32_t limit = fronts_end(doc);
    uint32_t end = nodes[object].next;
    for (uint32_t key = object + 1; key < end; key = nodes[key + 1].next) {
        uint32_t id = find_id(table, text, limit, &nodes[key], guess);
        if (LIKELY(id != MEMBER_UNKNOWN)) {
            if (values[id] != JSON_ABSENT) {
                return refuse_member(r, inside, table->names[id].text.ptr, true);
            }
            values[id] = key + 1;
            guess = id + 1;
            continue;
        }
        if (!unknown_read(r, inside, table, key)) {
            return false;
        }
        unknown++;
    }
    *ret_unknown = unknown;
    return true;
}

bool members_once(const struct json_doc *doc, uint32_t object, const char *pointer,
                  struct error *error)
{
    if (!json_is(doc, object, JSON_OBJECT)) {
        return true;
    }
    if (json_count(doc, object) > ONCE_MAX) {
        error_set(error, ERROR_INVALID, "invalid_value", "%s has more than %d members.",
                  pointer + 1, ONCE_MAX);
        error_at(error, "%s", pointer);
        return false;
    }
    uint32_t key = json_twice(doc, object);
    if (key == JSON_ABSENT) {
        return true;
    }
    char name[NAME_MAX_BYTES];
    int length = (int)json_unescape_to(json_inner(doc, key), name, sizeof name);
    error_set(error, ERROR_INVALID, "duplicate_member",
              "The member \"%.*s\" is given more than once.", length, name);
    error_at(error, "%s/%.*s", pointer, length, name);
    return false;
}

static void set_pointer(const struct reader *r, const char *member)
{
    char path[128] = "";
    size_t length = 0;
    for (unsigned i = 0; i < r->depth; i++) {
        length += (size_t)snprintf(path + length, sizeof path - length, "/%s/%zu", r->place[i].list,
                                   r->place[i].index);
    }
    error_at(r->error, "%s%s%s", path, member == NULL ? "" : "/", member == NULL ? "" : member);
}

bool reader_refuse(struct reader *r, const char *code, const char *member, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_set(r->error, ERROR_INVALID, code, "%s", text);
    set_pointer(r, member);
    return false;
}

bool reader_refuse_type(struct reader *r, const char *member, const char *wanted)
{
    return reader_refuse(r, "invalid_type", member, "The value must be %s.", wanted);
}

bool reader_refuse_missing(struct reader *r, const char *member)
{
    return reader_refuse(r, "missing_member", member, "The member \"%s\" is required.", member);
}

bool reader_refuse_size(struct reader *r)
{
    return error_set(r->error, ERROR_LIMIT, "request_too_large",
                     "The request needs more memory than one call may have.");
}

bool read_inner(struct reader *r, uint32_t value, const char *member, struct slice *out)
{
    if (!member_given(r->doc, value)) {
        return true;
    }
    if (json_kind(r->doc, value) != JSON_STRING) {
        return reader_refuse_type(r, member, "a string");
    }
    *out = json_inner(r->doc, value);
    return true;
}

bool read_number(struct reader *r, uint32_t value, const char *member, struct slice *out)
{
    if (!member_given(r->doc, value)) {
        return true;
    }
    if (json_kind(r->doc, value) != JSON_NUMBER) {
        return reader_refuse_type(r, member, "a number");
    }
    *out = json_raw(r->doc, value);
    return true;
}

bool read_bool(struct reader *r, uint32_t value, const char *member, bool *out)
{
    if (!member_given(r->doc, value) || json_bool(r->doc, value, out)) {
        return true;
    }
    return reader_refuse_type(r, member, "true or false");
}

bool read_flag(struct reader *r, uint32_t value, const char *member, int *out)
{
    if (!member_given(r->doc, value)) {
        return true;
    }
    bool flag = false;
    if (!read_bool(r, value, member, &flag)) {
        return false;
    }
    *out = flag ? 1 : 0;
    return true;
}

bool read_kind(struct reader *r, uint32_t value, const char *member, enum json_kind kind,
               uint32_t *out)
{
    *out = JSON_ABSENT;
    if (!member_given(r->doc, value)) {
        return true;
    }
    if (json_kind(r->doc, value) != kind) {
        return reader_refuse_type(r, member, kind == JSON_ARRAY ? "an array" : "an object");
    }
    *out = value;
    return true;
}

bool read_schema(struct reader *r, uint32_t value, const char *member, struct slice *out)
{
    uint32_t object;
    if (!read_kind(r, value, member, JSON_OBJECT, &object)) {
        return false;
    }
    if (object == JSON_ABSENT) {
        return true;
    }
    struct slice raw = json_raw(r->doc, object);
    if (raw.len > SCHEMA_MAX_BYTES) {
        return reader_refuse(r, "schema_too_large", member,
                             "A schema may have at most %u bytes; this one has %zu.",
                             SCHEMA_MAX_BYTES, raw.len);
    }
    *out = raw;
    return true;
}

bool read_required(struct reader *r, uint32_t value, const char *member, struct slice *out)
{
    if (!member_given(r->doc, value)) {
        return reader_refuse_missing(r, member);
    }
    if (!read_inner(r, value, member, out)) {
        return false;
    }
    return out->len > 0 ||
           reader_refuse(r, "invalid_value", member, "The value must not be empty.");
}
