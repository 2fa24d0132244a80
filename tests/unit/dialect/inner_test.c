/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/inner.h"
#include "tests/tap.h"

static void compares_texts_not_spellings(void)
{
    EXPECT(inner_equals(SLICE("a/b"), SLICE("a\\/b")));
    EXPECT(inner_equals(SLICE("\\u0061"), SLICE("a")));
    EXPECT(!inner_equals(SLICE("a"), SLICE("b")));
    EXPECT(!inner_equals(SLICE("\\u0061"), SLICE("b")));
    EXPECT(inner_equals(SLICE(""), SLICE_EMPTY));
    EXPECT(inner_hash(SLICE("a/b")) == inner_hash(SLICE("a\\/b")));
    EXPECT(inner_hash(SLICE("a/b")) != inner_hash(SLICE("a/c")));
}

static void hashes_long_texts_alike_in_any_spelling(void)
{
    char plain[400];
    char escaped[402];
    memset(plain, 'x', sizeof plain);
    memset(escaped, 'x', sizeof escaped);
    plain[0] = '/';
    escaped[0] = '\\';
    escaped[1] = '/';
    for (size_t length = 245; length <= 260; length++) {
        EXPECT(inner_hash(slice_of(plain, length)) == inner_hash(slice_of(escaped, length + 1)));
    }
}

static void splits_data_urls_only(void)
{
    static const char *const others[] = {"",
                                         "data:",
                                         "data:image/png;base64",
                                         "data:image/png,x",
                                         "http://a;base64,x",
                                         "xdata:a;base64,x"};
    struct slice media = SLICE_EMPTY;
    struct slice data = SLICE_EMPTY;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        EXPECT(!inner_data_url(slice_from_cstr(others[i]), &media, &data));
    }
    EXPECT(media.ptr == NULL && data.ptr == NULL);
    EXPECT(inner_data_url(SLICE("DATA:;base64,"), &media, &data));
    EXPECT(media.len == 0 && data.len == 0 && data.ptr != NULL);
    EXPECT(inner_data_url(SLICE("data:text/plain;charset=a;base64,QQ=="), &media, &data));
    EXPECT_SLICE(media, "text/plain;charset=a");
    EXPECT_SLICE(data, "QQ==");
}

static void finds_phrases_in_any_case(void)
{
    EXPECT(inner_contains(SLICE("The Context LENGTH is"), "context length"));
    EXPECT(!inner_contains(SLICE("The context"), "context length"));
    EXPECT(!inner_contains(SLICE_EMPTY, "x"));
}

int main(void)
{
    TEST(compares_texts_not_spellings, "compares texts, not spellings");
    TEST(hashes_long_texts_alike_in_any_spelling, "equal texts have equal hashes at any length");
    TEST(splits_data_urls_only, "splits base64 data URLs and nothing else");
    TEST(finds_phrases_in_any_case, "finds phrases in any case");
    return tap_done();
}
