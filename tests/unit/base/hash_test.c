/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include "tests/tap.h"

struct sip_row {
    struct slice text;
    uint64_t hash;
};

/* Expected values: hash() of bytes in CPython 3.11, whose key is zero under PYTHONHASHSEED=0. */
static void test_siphash_agrees_with_cpython(void)
{
    static const struct sip_row rows[] = {
        {SLICE_INIT("a"), 0x407448d2b89b1813u},
        {SLICE_INIT("ab"), 0x555508cbc6add439u},
        {SLICE_INIT("abcdefg"), 0x6db12aae9070f506u},
        {SLICE_INIT("abcdefgh"), 0x3f7b849c0b8e35eau},
        {SLICE_INIT("abcdefghi"), 0xf89b34a3d11eb6e5u},
        {SLICE_INIT("xxxxxxxxxxxxxxx"), 0xd9623e714b290b4bu},
        {SLICE_INIT("xxxxxxxxxxxxxxxx"), 0x6183d0c874877ba3u},
    };
    static const uint64_t key[2] = {0, 0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        EXPECT(hash_siphash13(key, rows[i].text) == rows[i].hash);
    }
    char bytes[100];
    for (int i = 0; i < 100; i++) {
        bytes[i] = (char)i;
    }
    EXPECT(hash_siphash13(key, slice_of(bytes, sizeof(bytes))) == 0x1c6a66e1506e7908u);
}

static void test_key_matters(void)
{
    static const uint64_t zero[2] = {0, 0};
    static const uint64_t one[2] = {1, 0};
    static const uint64_t other[2] = {0, 1};
    struct slice s = SLICE("some text");
    EXPECT(hash_siphash13(zero, s) != hash_siphash13(one, s));
    EXPECT(hash_siphash13(one, s) != hash_siphash13(other, s));
    EXPECT(hash_keyed(s) == hash_keyed(s));
    EXPECT(hash_keyed(s) != hash_siphash13(zero, s));
    EXPECT(hash_keyed(SLICE_EMPTY) == hash_keyed(SLICE("")));
}

/* These may be in files: a change of the function must not go unnoticed. */
static void test_stable_hash_is_frozen(void)
{
    EXPECT(hash_stable(SLICE_EMPTY) == 0xefd01f60ba992926u);
    EXPECT(hash_stable(SLICE("a")) == 0x82a2a958a9bece5bu);
    EXPECT(hash_stable(SLICE("hello world")) == 0x7c6d8c019b6ee5d5u);
}

static void test_stable_hash_spreads(void)
{
    int hits[16] = {0};
    for (int i = 0; i < 16000; i++) {
        char text[16];
        int len = snprintf(text, sizeof(text), "id-%d", i);
        hits[hash_stable(slice_of(text, (size_t)len)) % 16]++;
    }
    for (size_t i = 0; i < ARRAY_LEN(hits); i++) {
        EXPECT(hits[i] > 850 && hits[i] < 1150);
    }
}

/* RFC 3720, appendix B.4, and the usual check value. */
static void test_crc_matches_the_standard(void)
{
    unsigned char bytes[32] = {0};
    EXPECT(crc32c(0, "123456789", 9) == 0xE3069283u);
    EXPECT(crc32c(0, bytes, 32) == 0x8A9136AAu);
    memset(bytes, 0xFF, sizeof(bytes));
    EXPECT(crc32c(0, bytes, 32) == 0x62A8AB43u);
    for (int i = 0; i < 32; i++) {
        bytes[i] = (unsigned char)i;
    }
    EXPECT(crc32c(0, bytes, 32) == 0x46DD794Eu);
    EXPECT(crc32c(0, NULL, 0) == 0);
    char text[100];
    uint32_t by_byte = 0;
    for (size_t len = 0; len < sizeof(text); len++) { /* of every length, and in pieces */
        EXPECT(crc32c(0, text, len) == by_byte);
        text[len] = (char)(len * 31 + 7);
        by_byte = crc32c(by_byte, text + len, 1);
    }
}

static void test_crc_paths_agree_and_chain(void)
{
    unsigned char bytes[200];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)(i * 37 + 11);
    }
    for (size_t from = 0; from < 9; from++) {
        for (size_t len = 0; len + from <= sizeof(bytes); len++) {
            uint32_t whole = crc32c(0, bytes + from, len);
            EXPECT(whole == crc32c_portable(0, bytes + from, len));
            size_t half = len / 2;
            uint32_t first = crc32c(0, bytes + from, half);
            EXPECT(whole == crc32c(first, bytes + from + half, len - half));
            EXPECT(whole == crc32c_portable(first, bytes + from + half, len - half));
        }
    }
}

int main(void)
{
    TEST(test_siphash_agrees_with_cpython, "the keyed hash is SipHash-1-3");
    TEST(test_key_matters, "the process has its own random key");
    TEST(test_stable_hash_is_frozen, "the stable hash never changes");
    TEST(test_stable_hash_spreads, "the stable hash spreads similar texts evenly");
    TEST(test_crc_matches_the_standard, "CRC-32C matches the vectors of RFC 3720");
    TEST(test_crc_paths_agree_and_chain, "instruction and table agree, and sums chain");
    return tap_done();
}
