/* SPDX-License-Identifier: Apache-2.0 */
/* Which words are tags. */
#include "model/tag.h"

#include "tests/tap.h"

static void words(void)
{
    static const struct {
        const char *word;
        bool sound;
    } rows[] = {
        {"a", true},
        {"invoices 2026/Q1", true},
        {"\xc3\xbc\x62\x65r", true},
        {"", false},
        {" a", false},
        {"a ", false},
        {"a,b", false},
        {"a\nb", false},
        {"a\x7f", false},
        {"\xff", false},
        {"\xc3", false},
        {"012345678901234567890123456789012345678901234567890123456789012", true},
        {"0123456789012345678901234567890123456789012345678901234567890123", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        EXPECT_INT(tag_is_sound(slice_from_cstr(rows[i].word)), rows[i].sound);
    }
    EXPECT(!tag_is_sound(slice_of("a\0b", 3)));
}

static void lists(void)
{
    struct slice tags[TAGS_MAX];
    size_t count = 0;
    EXPECT(tags_split(SLICE("a, b c ,d"), tags, &count));
    EXPECT_INT(count, 3);
    EXPECT_SLICE(tags[0], "a");
    EXPECT_SLICE(tags[1], "b c");
    EXPECT_SLICE(tags[2], "d");
    EXPECT(tags_split(SLICE("1,2,3,4,5,6,7,8"), tags, &count));
    EXPECT_INT(count, 8);
    EXPECT(!tags_split(SLICE("1,2,3,4,5,6,7,8,9"), tags, &count));
    EXPECT(!tags_split(SLICE(""), tags, &count));
    EXPECT(!tags_split(SLICE("a,"), tags, &count));
    EXPECT(!tags_split(SLICE(",a"), tags, &count));
    EXPECT(!tags_split(SLICE("a,,b"), tags, &count));
}

int main(void)
{
    TEST(words, "a tag is 1 to 63 bytes of text without controls, commas and outer spaces");
    TEST(lists, "a list has 1 to 8 tags");
    return tap_done();
}
