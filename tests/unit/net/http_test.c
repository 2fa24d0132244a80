/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http.h"

#include "tests/tap.h"

#include <ctype.h>

static void knows_token_characters(void)
{
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        bool token = c != 0 && c < 128 && (isalnum(c) || strchr("!#$%&'*+-.^_`|~", c) != NULL);
        EXPECT_INT(http_name_valid(slice_of(&byte, 1)), token);
        char around[3] = {'a', byte, 'b'};
        EXPECT_INT(http_name_valid(slice_of(around, 3)), token);
    }
    EXPECT(!http_name_valid(SLICE_EMPTY));
}

static void knows_value_characters(void)
{
    for (int c = 0; c < 256; c++) {
        char around[3] = {'a', (char)c, 'b'};
        EXPECT_INT(http_value_valid(slice_of(around, 3)), c == '\t' || (c >= 32 && c != 127));
    }
    EXPECT(http_value_valid(SLICE_EMPTY));
}

static void finds_headers(void)
{
    const struct http_header headers[] = {
        {SLICE("One"), SLICE("1")}, {SLICE("two"), SLICE("")}, {SLICE("ONE"), SLICE("other")}};

    EXPECT_SLICE(http_header_find(headers, 3, SLICE("one")), "1");
    EXPECT(http_header_find(headers, 3, SLICE("TWO")).ptr != NULL);
    EXPECT(http_header_find(headers, 3, SLICE("three")).ptr == NULL);
    EXPECT(http_header_find(NULL, 0, SLICE("one")).ptr == NULL);
}

static void names_statuses(void)
{
    EXPECT_SLICE(slice_from_cstr(http_reason(200)), "OK");
    EXPECT_SLICE(slice_from_cstr(http_reason(413)), "Content Too Large");
    EXPECT_SLICE(slice_from_cstr(http_reason(599)), "Status");
}

int main(void)
{
    TEST(knows_token_characters, "knows the characters of a token");
    TEST(knows_value_characters, "knows the characters of a field value");
    TEST(finds_headers, "finds the first header of a name in any case");
    TEST(names_statuses, "names statuses");
    return tap_done();
}
