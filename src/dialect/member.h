/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading objects by tables of known members: one pass over an object's keys gives the node of each
 * member. The strict form is for requests and refuses what two parsers could understand
 * differently: a member twice, or a name that equals a known one only when case is ignored (Go's
 * decoder takes "Model" for "model", so a provider could obey a value that no policy has seen). The
 * loose form is for what providers send: the last of several wins, as in most parsers.
 *
 * Stable codes of refusals: invalid_type, invalid_value, missing_member, duplicate_member,
 * ambiguous_member, missing_messages, empty_messages, invalid_role, orphan_tool_result,
 * invalid_base64, invalid_max_tokens, conflicting_members, schema_too_large, unsupported_prompt,
 * request_too_large.
 */
#ifndef SLUICE_DIALECT_MEMBER_H
#define SLUICE_DIALECT_MEMBER_H

#include "base/arena.h"
#include "base/error.h"
#include "codec/json.h"
#include "model/chat.h"

#define MEMBER_UNKNOWN UINT32_MAX

/* The mark holds the length, the first and the last byte of a name: hardly two names of a table
   have the same, so one comparison tells nearly every other name apart. The front holds its first
   bytes and the quote behind the name: where the next member is the expected one, as it mostly is,
   that is known without its length. */
#define MEMBER_FRONT 16
struct member_name {
    struct slice text;
    char front[MEMBER_FRONT]; /* zeros, which are in no text, for a name that is too long */
    uint32_t mark;
    uint32_t care; /* a bit for each byte of the front that counts: these are its first ones */
} __attribute__((aligned(64)));

#define MEMBER_MARK(length, first, last)                                                           \
    ((uint32_t)(length) | (uint32_t)(unsigned char)(first) << 8 |                                  \
     (uint32_t)(unsigned char)(last) << 16)
#define MEMBER_FRONT_BYTE(literal, i)                                                              \
    (sizeof(literal) > MEMBER_FRONT || (i) >= sizeof(literal) ? '\0'                               \
     : (i) == sizeof(literal) - 1                             ? '"'                                \
                                  : (literal)[(i) < sizeof(literal) ? (i) : 0])
#define MEMBER_CARE(literal)                                                                       \
    ((1u << (sizeof(literal) > MEMBER_FRONT ? MEMBER_FRONT : sizeof(literal))) - 1)
#define MEMBER_NAME(literal)                                                                       \
    {                                                                                              \
        SLICE_INIT(literal), {MEMBER_FRONT_BYTE(literal, 0),  MEMBER_FRONT_BYTE(literal, 1),       \
                              MEMBER_FRONT_BYTE(literal, 2),  MEMBER_FRONT_BYTE(literal, 3),       \
                              MEMBER_FRONT_BYTE(literal, 4),  MEMBER_FRONT_BYTE(literal, 5),       \
                              MEMBER_FRONT_BYTE(literal, 6),  MEMBER_FRONT_BYTE(literal, 7),       \
                              MEMBER_FRONT_BYTE(literal, 8),  MEMBER_FRONT_BYTE(literal, 9),       \
                              MEMBER_FRONT_BYTE(literal, 10), MEMBER_FRONT_BYTE(literal, 11),      \
                              MEMBER_FRONT_BYTE(literal, 12), MEMBER_FRONT_BYTE(literal, 13),      \
                              MEMBER_FRONT_BYTE(literal, 14), MEMBER_FRONT_BYTE(literal, 15)},     \
            MEMBER_MARK(sizeof(literal) - 1, (literal)[0], (literal)[sizeof(literal) - 2]),        \
            MEMBER_CARE(literal)                                                                   \
    }

struct member_table {
    const struct member_name *names; /* the index of a name is its id */
    uint32_t count;                  /* at most 64 */
};

#define MEMBER_TABLE(names)                                                                        \
    {                                                                                              \
        names, ARRAY_LEN(names)                                                                    \
    }

/* One request being read. `place` says where, for the JSON pointers of errors. */
struct reader {
    const struct json_doc *doc;
    struct arena *arena;
    struct chat *chat;
    struct error *error;
    struct {
        const char *list; /* "messages" */
        size_t index;
    } place[2];
    unsigned depth;
};

/* Id of a key, or MEMBER_UNKNOWN. */
uint32_t member_id(const struct member_table *table, const struct json_doc *doc, uint32_t key);
/* Loose: values[id] is the node of each member or JSON_ABSENT; all absent when `object` is none.
   Returns how many members are outside the table. */
uint32_t members_scan(const struct json_doc *doc, uint32_t object, const struct member_table *table,
                      uint32_t *values);
/* Strict; `object` must be one (of the caller's making sure), `inside` is its member name at the
   current place for the pointers of errors, or NULL. *ret_unknown counts members outside the table;
   those of nested objects are noted as odd (struct chat_odd). */
MUST_USE bool members_read(struct reader *r, uint32_t object, const char *inside,
                           const struct member_table *table, uint32_t *values, size_t *ret_unknown);

/* For an object whose members are asked for one by one: refuses (duplicate_member, invalid_value)
   one that has a member twice, or more than 64 of them. `pointer` is where it stands, as
   "/provider"; what is no object passes. */
MUST_USE bool members_once(const struct json_doc *doc, uint32_t object, const char *pointer,
                           struct error *error);

/* Each fills in the error with a pointer to `member` (which may be a path "a/b") of the current
 * place and returns false. */
RARELY bool reader_refuse(struct reader *r, const char *code, const char *member,
                          const char *format, ...) PRINTF_LIKE(4, 5);
RARELY bool reader_refuse_type(struct reader *r, const char *member, const char *wanted);
RARELY bool reader_refuse_missing(struct reader *r, const char *member);
/* The arena is exhausted. */
RARELY bool reader_refuse_size(struct reader *r);

/* Notes the member with this value as odd, unless it says nothing (null, false, "", []): for
   members that a reader knows and can do nothing with. `inside` as in members_read(). */
void reader_odd(struct reader *r, const char *inside, uint32_t value);

/* The odd members so far, and back to them: what came since belongs to something that is no more
   than a whole (a vendor's own tool), or is looked at by another reader. */
struct odd_mark {
    const struct chat_odd *odd;
    unsigned count;
};
struct odd_mark reader_odd_mark(const struct reader *r);
void reader_odd_forget(struct reader *r, struct odd_mark mark);

/* Optional values: JSON_ABSENT and null leave *out as it is. */
MUST_USE bool read_inner(struct reader *r, uint32_t value, const char *member, struct slice *out);
MUST_USE bool read_number(struct reader *r, uint32_t value, const char *member, struct slice *out);
MUST_USE bool read_bool(struct reader *r, uint32_t value, const char *member, bool *out);
/* As read_bool, for a flag that tells "not given". */
MUST_USE bool read_flag(struct reader *r, uint32_t value, const char *member, int *out);
/* A value of this kind; *out becomes JSON_ABSENT for null. */
MUST_USE bool read_kind(struct reader *r, uint32_t value, const char *member, enum json_kind kind,
                        uint32_t *out);
/* A JSON schema: *out is its bytes. One beyond a megabyte is refused ("schema_too_large"): no
   provider takes the tenth of it, and each attempt would carry it. */
MUST_USE bool read_schema(struct reader *r, uint32_t value, const char *member, struct slice *out);
/* A string that must be there and must not be empty. */
MUST_USE bool read_required(struct reader *r, uint32_t value, const char *member,
                            struct slice *out);

static inline bool member_given(const struct json_doc *doc, uint32_t value)
{
    return value != JSON_ABSENT && json_kind(doc, value) != JSON_NULL;
}

#endif
