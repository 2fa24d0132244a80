/* SPDX-License-Identifier: Apache-2.0 */
#include "store/record_codec.h"

#include "tests/tap.h"
#include "tests/unit/store/record_expect.h"
#include "tests/unit/store/store_testing.h"

static void keeps_every_member(void)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        char bytes[RECORD_PAIR_BYTES_MAX];
        struct hold_record hold = sample_hold(seed, 1);
        struct hold_record hold_back;
        size_t len = record_encode_hold(&hold, bytes);
        EXPECT(record_decode_hold(slice_of(bytes, len), &hold_back));
        expect_same_hold(&hold_back, &hold);

        struct settle_record settle = sample_settle(seed, 2);
        struct settle_record settle_back;
        len = record_encode_settle(&settle, bytes);
        EXPECT(record_decode_settle(slice_of(bytes, len), &settle_back));
        expect_same_settle(&settle_back, &settle);

        struct call_record call = sample_call(seed);
        struct call_record call_back;
        len = record_encode_call(&call, bytes);
        EXPECT(record_decode_call(slice_of(bytes, len), &call_back));
        expect_same_call(&call_back, &call);

        len = record_encode_pair(&settle, &call, bytes);
        EXPECT(record_decode_pair(slice_of(bytes, len), &settle_back, &call_back));
        expect_same_settle(&settle_back, &settle);
        expect_same_call(&call_back, &call);
    }
}

static void keeps_extreme_numbers(void)
{
    char bytes[RECORD_BYTES_MAX];
    const int64_t extremes[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, 63, 64, 127, 128, INT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(extremes); i++) {
        struct hold_record hold = {.attempt = UINT32_MAX,
                                   .wall_ns = extremes[i],
                                   .amount_nd = extremes[ARRAY_LEN(extremes) - 1 - i],
                                   .key_id = (uint64_t)extremes[i]};
        struct hold_record back;
        size_t len = record_encode_hold(&hold, bytes);
        EXPECT(record_decode_hold(slice_of(bytes, len), &back));
        expect_same_hold(&back, &hold);
    }
    struct settle_record settle = {.status = INT32_MIN, .outcome = ATTEMPT_INTERRUPTED};
    struct settle_record settle_back;
    size_t len = record_encode_settle(&settle, bytes);
    EXPECT(record_decode_settle(slice_of(bytes, len), &settle_back));
    expect_same_settle(&settle_back, &settle);
}

static void refuses_every_truncation(void)
{
    char bytes[RECORD_PAIR_BYTES_MAX];
    struct hold_record hold = sample_hold(7, 1);
    struct settle_record settle = sample_settle(19, 1);
    struct call_record call = sample_call(7);
    size_t len = record_encode_hold(&hold, bytes);
    for (size_t cut = 0; cut < len; cut++) {
        EXPECT(!record_decode_hold(slice_of(bytes, cut), &hold));
    }
    len = record_encode_settle(&settle, bytes);
    for (size_t cut = 0; cut < len; cut++) {
        EXPECT(!record_decode_settle(slice_of(bytes, cut), &settle));
    }
    call = sample_call(7);
    len = record_encode_call(&call, bytes);
    for (size_t cut = 0; cut < len; cut++) {
        EXPECT(!record_decode_call(slice_of(bytes, cut), &call));
    }
    settle = sample_settle(19, 1);
    call = sample_call(19);
    len = record_encode_pair(&settle, &call, bytes);
    for (size_t cut = 0; cut < len; cut++) {
        EXPECT(!record_decode_pair(slice_of(bytes, cut), &settle, &call));
    }
}

static void refuses_what_it_would_not_write(void)
{
    char bytes[RECORD_BYTES_MAX + 1];
    struct hold_record hold = sample_hold(3, 1);
    struct hold_record back;
    size_t len = record_encode_hold(&hold, bytes);
    bytes[len] = 0;
    EXPECT(!record_decode_hold(slice_of(bytes, len + 1), &back)); /* a byte left over */
    bytes[0] = RECORD_VERSION_FACTS + 1;
    EXPECT(!record_decode_hold(slice_of(bytes, len), &back)); /* another version */
    bytes[0] = RECORD_VERSION_FACTS;
    EXPECT(!record_decode_hold(slice_of(bytes, len), &back)); /* that has no facts */
    bytes[0] = RECORD_VERSION;
    EXPECT(!record_decode_hold(slice_of(bytes, len), &back)); /* that has no scopes */
    bytes[0] = RECORD_VERSION_SCOPES;
    EXPECT(record_decode_hold(slice_of(bytes, len), &back));
    memmove(bytes + 18, bytes + 17, len - 17); /* attempt 1 as 0x81 0x00 */
    bytes[17] = (char)0x81;
    bytes[18] = 0;
    EXPECT(!record_decode_hold(slice_of(bytes, len + 1), &back));

    hold = sample_hold(7, 1);
    hold.task = TASK_COUNT;
    len = record_encode_hold(&hold, bytes);
    EXPECT(!record_decode_hold(slice_of(bytes, len), &back));
    hold.task = TASK_OTHER;
    len = record_encode_hold(&hold, bytes);
    EXPECT(record_decode_hold(slice_of(bytes, len), &back));

    struct settle_record settle = sample_settle(3, 1);
    settle.outcome = ATTEMPT_OUTCOMES;
    len = record_encode_settle(&settle, bytes);
    EXPECT(!record_decode_settle(slice_of(bytes, len), &settle));
    struct call_record call = sample_call(3);
    call.task = TASK_COUNT;
    len = record_encode_call(&call, bytes);
    EXPECT(!record_decode_call(slice_of(bytes, len), &call));
}

static void every_changed_byte_is_refused_or_read_safely(void)
{
    char bytes[RECORD_BYTES_MAX];
    struct call_record call = sample_call(7);
    size_t len = record_encode_call(&call, bytes);
    for (size_t at = 0; at < len; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[at] ^= (char)(1 << bit);
            struct call_record back;
            if (record_decode_call(slice_of(bytes, len), &back)) {
                /* Exact: what was read encodes to the same bytes. */
                char again[RECORD_BYTES_MAX];
                size_t again_len = record_encode_call(&back, again);
                EXPECT(again_len == len && memcmp(again, bytes, len) == 0);
            }
            bytes[at] ^= (char)(1 << bit);
        }
    }
}

static void cuts_long_names_between_characters(void)
{
    char bytes[RECORD_BYTES_MAX];
    char name[400];
    for (size_t i = 0; i + 1 < sizeof(name); i += 2) {
        memcpy(name + i, "\xC3\xA9", 2);
    }
    struct hold_record hold = {.target = slice_of(name, sizeof(name)),
                               .provider = slice_of(name + 1, 300)}; /* not even UTF-8 */
    struct hold_record back;
    size_t len = record_encode_hold(&hold, bytes);
    EXPECT(record_decode_hold(slice_of(bytes, len), &back));
    EXPECT_INT(back.target.len, 254);
    EXPECT(back.provider.len <= RECORD_NAME_MAX);

    memset(name, 'x', sizeof(name));
    char loss[2000];
    memset(loss, 'y', sizeof(loss));
    struct slice longest = slice_of(name, sizeof(name));
    struct settle_record settle = {.wall_ns = INT64_MIN,
                                   .released_nd = INT64_MIN,
                                   .cost_nd = INT64_MIN,
                                   .key_id = UINT64_MAX,
                                   .target = longest,
                                   .provider = longest,
                                   .model = longest,
                                   .lane = longest,
                                   .error = longest,
                                   .loss = slice_of(loss, sizeof(loss))};
    EXPECT(record_encode_settle(&settle, bytes) <= RECORD_BYTES_MAX);
    struct call_record call = {.key_name = longest,
                               .endpoint = longest,
                               .asked_model = longest,
                               .route = longest,
                               .target = longest,
                               .provider = longest,
                               .model = longest,
                               .error = longest,
                               .baseline = longest,
                               .key_id = UINT64_MAX,
                               .wall_ns = INT64_MIN};
    len = record_encode_call(&call, bytes);
    EXPECT(len <= RECORD_BYTES_MAX);
    EXPECT(record_decode_call(slice_of(bytes, len), &call));
    EXPECT_INT(call.baseline.len, RECORD_NAME_MAX);
}

static void outcomes_have_names(void)
{
    for (int outcome = 0; outcome < ATTEMPT_OUTCOMES; outcome++) {
        EXPECT(strcmp(attempt_outcome_name((enum attempt_outcome)outcome), "unknown") != 0);
    }
    EXPECT_SLICE(slice_from_cstr(attempt_outcome_name(ATTEMPT_INTERRUPTED)), "interrupted");
    EXPECT_SLICE(slice_from_cstr(attempt_outcome_name(ATTEMPT_OUTCOMES)), "unknown");
}

int main(void)
{
    TEST(keeps_every_member, "a record comes back with every member");
    TEST(keeps_extreme_numbers, "the smallest and largest numbers survive");
    TEST(refuses_every_truncation, "a record cut at any byte is refused");
    TEST(refuses_what_it_would_not_write,
         "other versions, long forms and wrong values are refused");
    TEST(every_changed_byte_is_refused_or_read_safely,
         "a changed byte is refused or reads as exactly what it encodes");
    TEST(cuts_long_names_between_characters, "names that are too long are cut between characters");
    TEST(outcomes_have_names, "every outcome has a name");
    return tap_done();
}
