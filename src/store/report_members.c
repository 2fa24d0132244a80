/* SPDX-License-Identifier: Apache-2.0 */
#include "store/report_members.h"

#include <stddef.h>

struct member {
    enum member_kind kind;
    size_t offset;
};

#define IN_CALL(member, kind, here, there) {kind, offsetof(struct call_row, member)},
static const struct member call_members[] = {CALL_MEMBERS(IN_CALL)};
#define IN_ATTEMPT(member, kind, here, there) {kind, offsetof(struct settle_record, member)},
static const struct member attempt_members[] = {ATTEMPT_MEMBERS(IN_ATTEMPT)};

/* Each member is as large as its kind says. */
#define SIZE_OF_MEMBER_ID sizeof(struct id)
#define SIZE_OF_MEMBER_INT64 sizeof(int64_t)
#define SIZE_OF_MEMBER_INT32 sizeof(int32_t)
#define SIZE_OF_MEMBER_BOOL sizeof(bool)
#define SIZE_OF_MEMBER_PRESENT sizeof(bool)
#define SIZE_OF_MEMBER_WORD sizeof(struct slice)
#define SIZE_OF_MEMBER_TEXT sizeof(struct slice)
#define SIZE_OF_MEMBER_TASK sizeof(enum task)
#define SIZE_OF_MEMBER_TIER sizeof(enum tier)
#define SIZE_OF_MEMBER_OUTCOME sizeof(enum attempt_outcome)
#define SIZE_OF_MEMBER_BASIS sizeof(enum charge_basis)
#define SIZE_OF_MEMBER_PURPOSE sizeof(enum attempt_purpose)
#define SIZE_OF_MEMBER_CATALOGUE sizeof(int64_t)
#define FITS_CALL(member, kind, here, there)                                                       \
    _Static_assert(sizeof(((struct call_row *)NULL)->member) == SIZE_OF_##kind, here);
#define FITS_ATTEMPT(member, kind, here, there)                                                    \
    _Static_assert(sizeof(((struct settle_record *)NULL)->member) == SIZE_OF_##kind, here);
CALL_MEMBERS(FITS_CALL)
ATTEMPT_MEMBERS(FITS_ATTEMPT)

static struct slice copy(const struct member_row *row, struct slice text)
{
    return text.len == 0 ? SLICE_EMPTY : arena_copy(row->arena, text);
}

static struct id read_id(const struct member_row *row, int column)
{
    struct id id = {{0}};
    struct slice bytes = row->bytes(row, column);
    if (bytes.len == sizeof(id.bytes)) {
        memcpy(id.bytes, bytes.ptr, sizeof(id.bytes));
    }
    return id;
}

/* The first one where it is none of them. */
static int read_choice(const struct member_row *row, int column, int count)
{
    int64_t value = row->number(row, column);
    return value < 0 || value >= count ? 0 : (int)value;
}

static enum tier read_tier(const struct member_row *row, int column)
{
    enum tier tier = (enum tier)0;
    if (!row->named) {
        return (enum tier)read_choice(row, column, TIER_COUNT);
    }
    return tier_from_name(row->bytes(row, column), &tier) ? tier : (enum tier)0;
}

static enum attempt_outcome read_outcome(const struct member_row *row, int column)
{
    if (!row->named) {
        return (enum attempt_outcome)read_choice(row, column, ATTEMPT_OUTCOMES);
    }
    struct slice name = row->bytes(row, column);
    for (unsigned i = 0; i < ATTEMPT_OUTCOMES; i++) {
        if (slice_eq(name, slice_from_cstr(attempt_outcome_name((enum attempt_outcome)i)))) {
            return (enum attempt_outcome)i;
        }
    }
    return ATTEMPT_OK;
}

/* A version may have had other tasks. */
static enum task read_task(const struct member_row *row, int column)
{
    enum task task = TASK_OTHER;
    return task_from_name(row->word(row, column), &task) ? task : TASK_OTHER;
}

static void read_member(const struct member_row *row, enum member_kind kind, int column, void *to)
{
    switch (kind) {
    case MEMBER_ID:
        *(struct id *)to = read_id(row, column);
        break;
    case MEMBER_INT64:
        *(int64_t *)to = row->number(row, column);
        break;
    case MEMBER_INT32:
        *(int32_t *)to = (int32_t)row->number(row, column);
        break;
    case MEMBER_BOOL:
        *(bool *)to = row->number(row, column) != 0;
        break;
    case MEMBER_PRESENT:
        *(bool *)to = !row->is_null(row, column);
        break;
    case MEMBER_WORD:
        *(struct slice *)to = row->word(row, column);
        break;
    case MEMBER_TEXT:
        *(struct slice *)to = copy(row, row->bytes(row, column));
        break;
    case MEMBER_TASK:
        *(enum task *)to = read_task(row, column);
        break;
    case MEMBER_TIER:
        *(enum tier *)to = read_tier(row, column);
        break;
    case MEMBER_OUTCOME:
        *(enum attempt_outcome *)to = read_outcome(row, column);
        break;
    case MEMBER_BASIS:
        *(enum charge_basis *)to = (enum charge_basis)read_choice(row, column, CHARGE_BASES);
        break;
    case MEMBER_PURPOSE:
        *(enum attempt_purpose *)to =
            (enum attempt_purpose)read_choice(row, column, ATTEMPT_PURPOSES);
        break;
    case MEMBER_CATALOGUE:
        *(int64_t *)to = row->is_null(row, column) ? RECORD_NO_CATALOGUE : row->number(row, column);
        break;
    }
}

static struct slice read_candidates(const struct member_row *row, int column)
{
    struct slice menu = row->bytes(row, column);
    size_t count = menu.len / MENU_BYTES;
    count = count > CANDIDATES_MAX ? 0 : count;
    char *joined = count == 0 ? NULL : arena_alloc(row->arena, count * CANDIDATE_BYTES);
    if (joined == NULL || !candidates_join(menu, row->bytes(row, column + 1), joined)) {
        return SLICE_EMPTY;
    }
    return slice_of(joined, count * CANDIDATE_BYTES);
}

static void read_members(const struct member_row *row, const struct member *members, size_t count,
                         void *to)
{
    for (size_t i = 0; i < count; i++) {
        read_member(row, members[i].kind, (int)i + 1, (char *)to + members[i].offset);
    }
}

void member_read_call(const struct member_row *row, struct call_row *ret_row)
{
    *ret_row = (struct call_row){0};
    read_members(row, call_members, ARRAY_LEN(call_members), ret_row);
    ret_row->call.candidates = read_candidates(row, (int)ARRAY_LEN(call_members) + 1);
}

void member_read_attempt(const struct member_row *row, struct settle_record *ret_attempt)
{
    *ret_attempt = (struct settle_record){0};
    read_members(row, attempt_members, ARRAY_LEN(attempt_members), ret_attempt);
}
