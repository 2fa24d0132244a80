/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include "base/slice.h"
#include "tests/tap.h"

static void test_fills_in(void)
{
    struct error error;
    EXPECT(!error_set(&error, ERROR_LIMIT, "too_long", "%d is more than %d", 5, 4));
    EXPECT_INT(error.kind, ERROR_LIMIT);
    EXPECT(strcmp(error.code, "too_long") == 0);
    EXPECT(strcmp(error.text, "5 is more than 4") == 0);
    EXPECT(error.pointer[0] == '\0');
    error_at(&error, "/messages/%d/content", 3);
    EXPECT(strcmp(error.pointer, "/messages/3/content") == 0);
    error_set(&error, ERROR_INVALID, "other", "again");
    EXPECT(error.pointer[0] == '\0');
    error_clear(&error);
    EXPECT(error.kind == ERROR_NONE && error.code == NULL && error.text[0] == '\0');
}

static void test_null_is_allowed(void)
{
    EXPECT(!error_set(NULL, ERROR_INVALID, "x", "y"));
    error_at(NULL, "/x");
    error_clear(NULL);
}

static bool is_utf8(const char *text)
{
    struct slice s = slice_from_cstr(text);
    while (s.len > 0) {
        size_t len = slice_utf8_length(s);
        if (len == 0) {
            return false;
        }
        s = slice_from(s, len);
    }
    return true;
}

/* Each length of ASCII before the long characters puts the cut elsewhere in a character. */
static void test_truncates_whole_characters(void)
{
    static const char *const characters[] = {"a", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (size_t c = 0; c < ARRAY_LEN(characters); c++) {
        for (size_t before = 0; before < 5; before++) {
            char text[2000] = "";
            size_t len = before;
            memset(text, 'x', before);
            while (len < 1000) {
                slice_to_cstr(slice_from_cstr(characters[c]), text + len, 8);
                len += strlen(characters[c]);
            }
            struct error error;
            error_set(&error, ERROR_INVALID, "long", "%s", text);
            error_at(&error, "%s", text);
            EXPECT(is_utf8(error.text));
            EXPECT(is_utf8(error.pointer));
            EXPECT(strlen(error.text) > sizeof(error.text) - 5);
            EXPECT(strlen(error.pointer) > sizeof(error.pointer) - 5);
            EXPECT(strncmp(text, error.text, strlen(error.text)) == 0);
        }
    }
}

int main(void)
{
    TEST(test_fills_in, "kind, code, text and pointer are set and cleared");
    TEST(test_null_is_allowed, "a caller that wants no error passes NULL");
    TEST(test_truncates_whole_characters, "a long text is cut between characters");
    return tap_done();
}
