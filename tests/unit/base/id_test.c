/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include "tests/tap.h"

static struct id make_at(int64_t wall_ns, uint64_t seed)
{
    struct clock_manual manual;
    struct random random;
    clock_manual_init(&manual, 0, wall_ns);
    random_seed(&random, seed);
    return id_make(&manual.clock, &random);
}

/* The time of the example in RFC 9562, appendix A.6: 0x017F22E279B0 ms. */
static void test_layout(void)
{
    char text[ID_TEXT_LEN + 1];
    struct id id = make_at(0x017F22E279B0 * NS_PER_MS + 500000, 1);
    EXPECT(id_format(id, text) == text);
    EXPECT_INT(strlen(text), ID_TEXT_LEN);
    EXPECT_SLICE(slice_of(text, 19), "017f22e2-79b0-7800-");
    EXPECT(text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-');
    for (uint64_t seed = 0; seed < 64; seed++) {
        EXPECT_INT(make_at(0, seed).bytes[8] >> 6, 2);
    }
}

static void test_sorts_by_time(void)
{
    struct id before = make_at(1700000000 * NS_PER_S, 9);
    for (int64_t i = 1; i < 3000; i++) {
        struct id now = make_at(1700000000 * NS_PER_S + i * 1000, (uint64_t)i);
        EXPECT(memcmp(before.bytes, now.bytes, 8) < 0);
        before = now;
    }
    EXPECT_INT(make_at(-5, 1).bytes[0], 0);
}

static void test_same_moment_differs(void)
{
    struct clock_manual manual;
    struct random random;
    clock_manual_init(&manual, 0, 1);
    random_seed(&random, 3);
    struct id a = id_make(&manual.clock, &random);
    struct id b = id_make(&manual.clock, &random);
    EXPECT(memcmp(&a, &b, sizeof(a)) != 0);
}

static void test_parses_what_it_prints(void)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        char text[ID_TEXT_LEN + 1];
        struct id id = make_at((int64_t)seed * 123456789, seed);
        struct id again;
        id_format(id, text);
        EXPECT(id_parse(slice_from_cstr(text), &again));
        EXPECT(memcmp(&id, &again, sizeof(id)) == 0);
    }
    struct id upper;
    EXPECT(id_parse(SLICE("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), &upper));
    EXPECT_INT(upper.bytes[15], 0x8F);
}

static void test_refuses_others(void)
{
    static const char *const bad[] = {
        "",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
        "017f22e2079b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e2-79b0-7cc3-98c4 dc0c0c07398f",
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
        "017f22e279b0-7cc3-98c4-dc0c0c07398f-",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct id id = {.bytes = {7}};
        EXPECT(!id_parse(slice_from_cstr(bad[i]), &id));
        EXPECT_INT(id.bytes[0], 7);
    }
    EXPECT(!id_parse(SLICE_EMPTY, &(struct id){{0}}));
}

int main(void)
{
    TEST(test_layout, "an identifier is a UUID of version 7");
    TEST(test_sorts_by_time, "identifiers sort by time to the microsecond");
    TEST(test_same_moment_differs, "identifiers of one moment differ");
    TEST(test_parses_what_it_prints, "text is parsed back, in either case");
    TEST(test_refuses_others, "other texts are refused and change nothing");
    return tap_done();
}
