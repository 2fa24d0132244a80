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
        expect_same_forecast(&settle_back.forecast, &settle.forecast);

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
    struct settle_record settle = {
        .status = INT32_MIN, .outcome = ATTEMPT_INTERRUPTED, .catalogue_nd = RECORD_NO_CATALOGUE};
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
    for (int version = 0; version < 256; version++) {             /* another version */
        bytes[0] = (char)version;
        EXPECT(record_decode_hold(slice_of(bytes, len), &back) == (version == RECORD_VERSION));
    }
    bytes[0] = RECORD_VERSION_3; /* which has nothing behind the route: here an empty tag */
    EXPECT(record_decode_hold(slice_of(bytes, len - 1), &back));

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
    settle = sample_settle(3, 1);
    memset(&settle.usage, 0, sizeof(settle.usage));
    settle.usage.cache_read = 1;
    len = record_encode_settle(&settle, bytes);
    EXPECT(record_decode_settle(slice_of(bytes, len), &settle));
    settle.usage.cache_read = 0;
    size_t shorter = record_encode_settle(&settle, bytes);
    EXPECT_INT((int64_t)(len - shorter), 7 * 8); /* details of nothing are left out */
    settle.usage.image_output = 1290;
    len = record_encode_settle(&settle, bytes);
    EXPECT_INT((int64_t)(len - shorter), 2 * 8);
    EXPECT(record_decode_settle(slice_of(bytes, len), &settle));
    EXPECT_INT(settle.usage.image_output, 1290);
    struct call_record call = sample_call(3);
    call.verdict = 0;
    shorter = record_encode_call(&call, bytes);
    call.verdict = (int32_t)((1u << VERDICT_BITS) - 1);
    len = record_encode_call(&call, bytes);
    EXPECT_INT((int64_t)(len - shorter), 4); /* where nothing was judged, nothing is written */
    EXPECT(record_decode_call(slice_of(bytes, len), &call));
    EXPECT_INT(call.verdict, (1 << VERDICT_BITS) - 1);
    call.verdict = 1 << VERDICT_BITS;
    len = record_encode_call(&call, bytes);
    EXPECT(!record_decode_call(slice_of(bytes, len), &call));
    call = sample_call(3);
    call.task = TASK_COUNT;
    len = record_encode_call(&call, bytes);
    EXPECT(!record_decode_call(slice_of(bytes, len), &call));
}

static void packs_verdicts(void)
{
    for (unsigned word = CALL_ACCEPTED; word < CALL_VERDICTS; word++) {
        for (unsigned check = 0; check <= VERDICT_NO_CHECK; check++) {
            int32_t packed = verdict_pack((enum call_verdict)word, check, 31 * check);
            EXPECT(packed > 0 && packed >> VERDICT_BITS == 0);
            EXPECT_INT(verdict_word(packed), word);
            EXPECT_INT(verdict_check(packed), check);
            EXPECT_INT(verdict_permille(packed), 31 * check);
        }
    }
    EXPECT_INT(verdict_permille(verdict_pack(CALL_EARLY, VERDICT_NO_CHECK, 1001)), 1000);
    EXPECT_INT(verdict_word(0), CALL_UNJUDGED);
}

static const unsigned char hold_1[] = {
    0x01, 0x01, 0x6F, 0x5E, 0x67, 0x78, 0x88, 0x70, 0x00, 0x97, 0xD0, 0xA8, 0xA8, 0x0D, 0x69,
    0x28, 0x1A, 0x01, 0x82, 0xC8, 0xC9, 0xEE, 0xCA, 0x8F, 0xCD, 0xE5, 0x2B, 0xA2, 0xC0, 0x1B,
    0x01, 0x04, 0x67, 0x70, 0x74, 0x34, 0x0A, 0x6F, 0x70, 0x65, 0x6E, 0x72, 0x6F, 0x75, 0x74,
    0x65, 0x72, 0x0C, 0x6F, 0x70, 0x65, 0x6E, 0x61, 0x69, 0x2F, 0x67, 0x70, 0x74, 0x2D, 0x34,
};
static const unsigned char hold_2[] = {
    0x02, 0x01, 0x6F, 0x5E, 0x68, 0x99, 0x98, 0x70, 0x00, 0x93, 0x3A, 0x7C, 0xEB, 0xA4, 0x57,
    0x70, 0x43, 0x01, 0x82, 0xD8, 0xBC, 0x9A, 0xF2, 0x93, 0xCD, 0xE5, 0x2B, 0x9A, 0xAF, 0x1F,
    0x03, 0x08, 0x64, 0x73, 0x2D, 0x66, 0x6C, 0x61, 0x73, 0x68, 0x08, 0x64, 0x65, 0x65, 0x70,
    0x73, 0x65, 0x65, 0x6B, 0x11, 0x64, 0x65, 0x65, 0x70, 0x73, 0x65, 0x65, 0x6B, 0x2D, 0x76,
    0x34, 0x2D, 0x66, 0x6C, 0x61, 0x73, 0x68, 0x02, 0x00, 0x03, 0x00,
};
static const unsigned char settle_1[] = {
    0x01, 0x01, 0x6F, 0x5E, 0x67, 0x78, 0x88, 0x70, 0x00, 0x97, 0xD0, 0xA8, 0xA8, 0x0D, 0x69,
    0x28, 0x1A, 0x01, 0x82, 0xD8, 0x85, 0xEC, 0xCD, 0x8F, 0xCD, 0xE5, 0x2B, 0xA2, 0xC0, 0x1B,
    0x90, 0xE0, 0x0D, 0x01, 0x00, 0x90, 0x03, 0x03, 0x94, 0x56, 0x82, 0x0E, 0x92, 0x2E, 0x00,
    0x00, 0x2E, 0x00, 0x00, 0xF2, 0xC0, 0x01, 0x01, 0xE0, 0xA7, 0x12, 0x80, 0xEA, 0x30, 0x04,
    0x67, 0x70, 0x74, 0x34, 0x0A, 0x6F, 0x70, 0x65, 0x6E, 0x72, 0x6F, 0x75, 0x74, 0x65, 0x72,
    0x0C, 0x6F, 0x70, 0x65, 0x6E, 0x61, 0x69, 0x2F, 0x67, 0x70, 0x74, 0x2D, 0x34, 0x08, 0x76,
    0x65, 0x72, 0x62, 0x61, 0x74, 0x69, 0x6D, 0x00, 0x00,
};
static const unsigned char call_1[] = {
    0x01, 0x01, 0x6F, 0x5E, 0x67, 0x78, 0x88, 0x70, 0x00, 0x97, 0xD0, 0xA8, 0xA8, 0x0D, 0x69, 0x28,
    0x1A, 0x80, 0xC8, 0xC9, 0xEE, 0xCA, 0x8F, 0xCD, 0xE5, 0x2B, 0x01, 0x05, 0x61, 0x6C, 0x69, 0x63,
    0x65, 0x14, 0x2F, 0x76, 0x31, 0x2F, 0x63, 0x68, 0x61, 0x74, 0x2F, 0x63, 0x6F, 0x6D, 0x70, 0x6C,
    0x65, 0x74, 0x69, 0x6F, 0x6E, 0x73, 0x04, 0x61, 0x75, 0x74, 0x6F, 0x04, 0x61, 0x75, 0x74, 0x6F,
    0x04, 0x67, 0x70, 0x74, 0x34, 0x0A, 0x6F, 0x70, 0x65, 0x6E, 0x72, 0x6F, 0x75, 0x74, 0x65, 0x72,
    0x0C, 0x6F, 0x70, 0x65, 0x6E, 0x61, 0x69, 0x2F, 0x67, 0x70, 0x74, 0x2D, 0x34, 0x15, 0x01, 0xDA,
    0x04, 0x02, 0x90, 0x03, 0x00, 0x01, 0x90, 0xE0, 0x0D, 0x80, 0xD1, 0xCA, 0x08, 0x05, 0x67, 0x70,
    0x74, 0x34, 0x64, 0x94, 0x56, 0x82, 0x0E, 0x80, 0x89, 0x7A, 0xA8, 0xA9, 0x12, 0x90, 0xED, 0x30,
};

static const unsigned char hold_3[] = {
    0x03, 0x01, 0x6F, 0x5E, 0x6A, 0xDB, 0xB8, 0x70, 0x00, 0xBF, 0x16, 0x0C, 0x87, 0x48, 0x50, 0x2F,
    0xD2, 0x01, 0x00, 0x00, 0x00, 0x01, 0x5E, 0x24, 0x07, 0x72, 0x9A, 0xE5, 0x15, 0x45, 0xE3, 0x04,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x07, 0x01, 0x07, 0x00, 0x00, 0x00, 0x05, 0x67, 0x70, 0x74, 0x34,
    0x64, 0x06, 0x6F, 0x70, 0x65, 0x6E, 0x61, 0x69, 0x05, 0x67, 0x70, 0x74, 0x2D, 0x34, 0x00, 0x0A,
    0x63, 0x69, 0x20, 0xC3, 0xA9, 0x71, 0x75, 0x69, 0x70, 0x65, 0x14, 0x2F, 0x76, 0x31, 0x2F, 0x63,
    0x68, 0x61, 0x74, 0x2F, 0x63, 0x6F, 0x6D, 0x70, 0x6C, 0x65, 0x74, 0x69, 0x6F, 0x6E, 0x73, 0x04,
    0x61, 0x75, 0x74, 0x6F, 0x06, 0x63, 0x6F, 0x64, 0x69, 0x6E, 0x67,
};
static const unsigned char settle_3[] = {
    0x03, 0x01, 0x6F, 0x5E, 0x67, 0x78, 0x88, 0x70, 0x00, 0x97, 0xD0, 0xA8, 0xA8, 0x0D, 0x69, 0x28,
    0x1A, 0x01, 0x00, 0x00, 0x00, 0x01, 0xB6, 0xC0, 0x6E, 0x3E, 0x9A, 0xE5, 0x15, 0x11, 0x70, 0x03,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x08, 0xB8, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xC8, 0x00, 0x00, 0x00, 0x0F, 0x8A, 0x15, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x81, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xF0, 0x49, 0x02, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x80, 0x1A, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x89, 0x0B, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x17, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x39, 0x30, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x04, 0x67, 0x70, 0x74, 0x34, 0x0A, 0x6F, 0x70, 0x65, 0x6E, 0x72, 0x6F, 0x75,
    0x74, 0x65, 0x72, 0x0C, 0x6F, 0x70, 0x65, 0x6E, 0x61, 0x69, 0x2F, 0x67, 0x70, 0x74, 0x2D, 0x34,
    0x08, 0x76, 0x65, 0x72, 0x62, 0x61, 0x74, 0x69, 0x6D, 0x00, 0x00, 0x00,
};
static const unsigned char call_3[] = {
    0x03, 0x01, 0x6F, 0x5E, 0x67, 0x78, 0x88, 0x70, 0x00, 0x97, 0xD0, 0xA8, 0xA8, 0x0D, 0x69,
    0x28, 0x1A, 0x00, 0x32, 0xE9, 0x56, 0x3E, 0x9A, 0xE5, 0x15, 0x01, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x15, 0x01, 0x2D, 0x01, 0x00, 0x00, 0x02, 0xC8, 0x00, 0x00, 0x00, 0x01,
    0x00, 0x00, 0x00, 0x08, 0xB8, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x54, 0x89, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x8A, 0x15, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x81, 0x03, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x42, 0x0F, 0x00, 0x00, 0x00, 0x00, 0x00, 0x54, 0x4A,
    0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x48, 0x1B, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05,
    0x61, 0x6C, 0x69, 0x63, 0x65, 0x14, 0x2F, 0x76, 0x31, 0x2F, 0x63, 0x68, 0x61, 0x74, 0x2F,
    0x63, 0x6F, 0x6D, 0x70, 0x6C, 0x65, 0x74, 0x69, 0x6F, 0x6E, 0x73, 0x04, 0x61, 0x75, 0x74,
    0x6F, 0x04, 0x61, 0x75, 0x74, 0x6F, 0x04, 0x67, 0x70, 0x74, 0x34, 0x0A, 0x6F, 0x70, 0x65,
    0x6E, 0x72, 0x6F, 0x75, 0x74, 0x65, 0x72, 0x0C, 0x6F, 0x70, 0x65, 0x6E, 0x61, 0x69, 0x2F,
    0x67, 0x70, 0x74, 0x2D, 0x34, 0x00, 0x05, 0x67, 0x70, 0x74, 0x34, 0x64,
};

static struct slice old(const unsigned char *bytes, size_t len)
{
    return slice_of((const char *)bytes, len);
}

/* The samples without what older versions did not know. */
static struct settle_record old_settle(void)
{
    struct settle_record settle = sample_settle(1, 1);
    settle.offer = 0;
    settle.basis = CHARGE_UNRECORDED;
    settle.forecast = (struct settle_forecast){.given = false};
    return settle;
}

static struct call_record old_call(void)
{
    struct call_record call = sample_call(1);
    call.baseline_offer = 0;
    call.candidates = SLICE_EMPTY;
    return call;
}

/* As the programs of versions 1 and 2 wrote the samples. */
static void reads_what_older_versions_wrote(void)
{
    const struct hold_record hold_1_is = sample_hold(1, 1);
    const struct hold_record hold_2_is = sample_hold(3, 1);
    const struct settle_record settle_is = old_settle();
    const struct call_record call_is = old_call();
    struct hold_record hold;
    struct settle_record settle;
    struct call_record call;
    EXPECT(record_decode_hold(old(hold_1, sizeof(hold_1)), &hold));
    expect_same_hold(&hold, &hold_1_is);
    EXPECT(record_decode_hold(old(hold_2, sizeof(hold_2)), &hold));
    expect_same_hold(&hold, &hold_2_is);
    EXPECT_INT(hold.task, TASK_OTHER);
    EXPECT(record_decode_settle(old(settle_1, sizeof(settle_1)), &settle));
    expect_same_settle(&settle, &settle_is);
    EXPECT(record_decode_call(old(call_1, sizeof(call_1)), &call));
    expect_same_call(&call, &call_is);
    for (size_t cut = 0; cut < sizeof(call_1); cut++) {
        EXPECT(!record_decode_call(old(call_1, cut), &call));
        EXPECT(cut >= sizeof(settle_1) || !record_decode_settle(old(settle_1, cut), &settle));
        EXPECT(cut >= sizeof(hold_2) || !record_decode_hold(old(hold_2, cut), &hold));
    }
    char bytes[sizeof(hold_2) + 1];
    memcpy(bytes, hold_2, 17);
    memcpy(bytes + 18, hold_2 + 17, sizeof(hold_2) - 17); /* attempt 1 as 0x81 0x00 */
    bytes[17] = (char)0x81;
    bytes[18] = 0;
    EXPECT(!record_decode_hold(slice_of(bytes, sizeof(bytes)), &hold));
}

/* As the programs of version 3 wrote the samples. */
static void reads_what_version_3_wrote(void)
{
    struct hold_record hold_is = sample_hold(7, 1);
    const struct settle_record settle_is = old_settle();
    const struct call_record call_is = old_call();
    struct hold_record hold;
    struct settle_record settle;
    struct call_record call;
    hold_is.tag = SLICE_EMPTY;
    EXPECT(record_decode_hold(old(hold_3, sizeof(hold_3)), &hold));
    expect_same_hold(&hold, &hold_is);
    EXPECT(record_decode_settle(old(settle_3, sizeof(settle_3)), &settle));
    expect_same_settle(&settle, &settle_is);
    EXPECT(record_decode_call(old(call_3, sizeof(call_3)), &call));
    expect_same_call(&call, &call_is);
    for (size_t cut = 0; cut < sizeof(settle_3); cut++) {
        EXPECT(cut >= sizeof(call_3) || !record_decode_call(old(call_3, cut), &call));
        EXPECT(!record_decode_settle(old(settle_3, cut), &settle));
        EXPECT(cut >= sizeof(hold_3) || !record_decode_hold(old(hold_3, cut), &hold));
    }
}

static struct offer sample_offer(void)
{
    struct offer offer = {
        .kind = OFFER_PRICED,
        .target = SLICE("gpt4"),
        .provider = SLICE("openai"),
        .model = SLICE("gpt-4"),
        .price = {.known = true,
                  .base = {30000000, 60000000, -1, -1, 37500000, -1, -1, -1, -1, -1},
                  .tiers = {{200000, {45000000, 90000000, -1, -1, -1, 1, 2, -1, -1, -1}}},
                  .tier_count = 1,
                  .per_request_nd = 5},
    };
    offer_identify(&offer);
    return offer;
}

static bool same_rates(const struct price_rates *a, const struct price_rates *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static void keeps_offers(void)
{
    char bytes[RECORD_BYTES_MAX];
    const struct offer offer = sample_offer();
    struct offer back;
    size_t len = record_encode_offer(&offer, bytes);
    EXPECT(record_decode_offer(slice_of(bytes, len), &back));
    EXPECT(back.id == offer.id && back.id != 0);
    EXPECT_INT(back.kind, OFFER_PRICED);
    EXPECT_SLICE(back.target, "gpt4");
    EXPECT_SLICE(back.provider, "openai");
    EXPECT_SLICE(back.model, "gpt-4");
    EXPECT(back.price.known && same_rates(&back.price.base, &offer.price.base));
    EXPECT_INT(back.price.tier_count, 1);
    EXPECT_INT(back.price.tiers[0].above_input, 200000);
    EXPECT(same_rates(&back.price.tiers[0].rates, &offer.price.tiers[0].rates));
    EXPECT_INT(back.price.per_request_nd, 5);
    for (size_t cut = 0; cut < len; cut++) {
        EXPECT(!record_decode_offer(slice_of(bytes, cut), &back));
    }
}

/* Rates of reasoning and images take room only where there are some. */
static void keeps_rates_that_few_have(void)
{
    char bytes[RECORD_BYTES_MAX];
    struct offer offer = sample_offer();
    struct offer back;
    size_t plain = record_encode_offer(&offer, bytes);
    offer.price.tiers[0].rates.image_output = 30000000;
    offer.price.tiers[0].rates.reasoning = 0;
    size_t len = record_encode_offer(&offer, bytes);
    EXPECT_INT((int64_t)(len - plain), 2 * 3 * 8);
    EXPECT(record_decode_offer(slice_of(bytes, len), &back));
    EXPECT(same_rates(&back.price.base, &offer.price.base));
    EXPECT(same_rates(&back.price.tiers[0].rates, &offer.price.tiers[0].rates));
    for (size_t cut = 0; cut < len; cut++) {
        EXPECT(!record_decode_offer(slice_of(bytes, cut), &back));
    }
    bytes[2] = (char)(0x80 | (PRICE_TIERS_MAX + 1));
    EXPECT(!record_decode_offer(slice_of(bytes, len), &back));
    offer.price.tiers[0].rates = sample_offer().price.tiers[0].rates;
    plain = record_encode_offer(&offer, bytes);
    bytes[2] = (char)0x81; /* says that it has them, and has not */
    EXPECT(!record_decode_offer(slice_of(bytes, plain), &back));
}

/* Whatever changes makes another offer; what stays the same is the same in every program. */
static void offers_are_known_by_all_that_they_say(void)
{
    struct offer offers[6];
    for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
        offers[i] = sample_offer();
    }
    EXPECT(offers[0].id == 0xFE731CBCCFF520E6u);
    offers[1].price.base.cache_read = 0;
    offers[2].price.tiers[0].above_input++;
    offers[3].model = SLICE("gpt-4o");
    offers[4].kind = OFFER_CEILING;
    offers[5].price.tier_count = 0;
    for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
        offer_identify(&offers[i]);
        for (size_t k = 0; k < i; k++) {
            EXPECT(offers[i].id != offers[k].id);
        }
    }
}

static void keeps_candidates(void)
{
    char bytes[CANDIDATE_BYTES];
    struct candidate most = {UINT64_MAX, INT64_MAX, 63, 1000, 1000};
    EXPECT(candidate_put(bytes, &most) == bytes + CANDIDATE_BYTES);
    struct candidate back = candidate_get(bytes);
    EXPECT(back.offer == UINT64_MAX);
    EXPECT_INT(back.expected_nd, CANDIDATE_EXPECTED_MAX);
    EXPECT_INT(back.reason, 63);
    EXPECT_INT(back.propensity_permille, 1000);
    EXPECT_INT(back.success_permille, 1000);
    struct candidate some = {7, 123456789012, 5, 250, 875};
    candidate_put(bytes, &some);
    back = candidate_get(bytes);
    EXPECT(back.offer == 7);
    EXPECT_INT(back.expected_nd, 123456789012);
    EXPECT_INT(back.reason, 5);
    EXPECT_INT(back.propensity_permille, 250);
    EXPECT_INT(back.success_permille, 875);
}

/* As many as there can be, with numbers of every length. */
static void candidates_come_apart_and_together(void)
{
    char bytes[CANDIDATES_MAX * CANDIDATE_BYTES];
    char back[CANDIDATES_MAX * CANDIDATE_BYTES];
    char menu[CANDIDATES_MAX * MENU_BYTES];
    char expected[CANDIDATES_MAX * EXPECTED_BYTES];
    for (unsigned i = 0; i < CANDIDATES_MAX; i++) {
        const struct candidate candidate = {UINT64_MAX / (i + 1),
                                            (int64_t)(UINT64_C(1) << i % 39) - 1, 63 - i, i * 15,
                                            i % 3 * 500};
        candidate_put(bytes + (size_t)i * CANDIDATE_BYTES, &candidate);
    }
    for (size_t count = 0; count <= CANDIDATES_MAX; count++) {
        size_t expected_len;
        size_t menu_len = candidates_split(slice_of(bytes, count * CANDIDATE_BYTES), menu, expected,
                                           &expected_len);
        EXPECT_INT(menu_len, count * MENU_BYTES);
        EXPECT(expected_len <= count * EXPECTED_BYTES);
        EXPECT(candidates_join(slice_of(menu, menu_len), slice_of(expected, expected_len), back));
        EXPECT(memcmp(back, bytes, count * CANDIDATE_BYTES) == 0);
        EXPECT(count == 0 || !candidates_join(slice_of(menu, menu_len),
                                              slice_of(expected, expected_len - 1), back));
        EXPECT(count == 0 || !candidates_join(slice_of(menu, menu_len - MENU_BYTES),
                                              slice_of(expected, expected_len), back));
    }
}

static void keeps_what_the_catalogue_says_of_a_providers_charge(void)
{
    char bytes[RECORD_BYTES_MAX];
    struct settle_record settle = sample_settle(9, 1);
    struct settle_record back;
    settle.basis = CHARGE_PROVIDER;
    settle.catalogue_nd = 12000;
    size_t len = record_encode_settle(&settle, bytes);
    EXPECT(record_decode_settle(slice_of(bytes, len), &back));
    expect_same_settle(&back, &settle);
    for (size_t cut = 0; cut < len; cut++) {
        EXPECT(!record_decode_settle(slice_of(bytes, cut), &back));
    }
}

static void keeps_that_an_overrun_blocks_its_key(void)
{
    char bytes[RECORD_BYTES_MAX];
    struct settle_record settle = sample_settle(9, 1);
    struct settle_record back;
    size_t without = record_encode_settle(&settle, bytes);
    settle.blocks = true;
    EXPECT_INT(record_encode_settle(&settle, bytes), without);
    EXPECT(record_decode_settle(slice_of(bytes, without), &back) && back.blocks);
    expect_same_settle(&back, &settle);
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
    TEST(packs_verdicts, "a verdict is one number");
    TEST(refuses_what_it_would_not_write,
         "other versions, long forms and wrong values are refused");
    TEST(reads_what_older_versions_wrote, "reads what older versions wrote");
    TEST(reads_what_version_3_wrote, "reads what version 3 wrote");
    TEST(keeps_offers, "an offer comes back as it was, and no part of it is one");
    TEST(keeps_rates_that_few_have, "an offer may have rates of reasoning and images");
    TEST(offers_are_known_by_all_that_they_say,
         "an offer that differs in anything has another identifier, the same in every program");
    TEST(keeps_candidates, "candidates come back as they were, in 16 bytes");
    TEST(candidates_come_apart_and_together,
         "candidates come apart into a menu and what it costs, and together again");
    TEST(keeps_what_the_catalogue_says_of_a_providers_charge,
         "keeps what the catalogue says of a provider's charge");
    TEST(keeps_that_an_overrun_blocks_its_key, "a settle says that it blocks its key");
    TEST(every_changed_byte_is_refused_or_read_safely,
         "a changed byte is refused or reads as exactly what it encodes");
    TEST(cuts_long_names_between_characters, "names that are too long are cut between characters");
    TEST(outcomes_have_names, "every outcome has a name");
    return tap_done();
}
