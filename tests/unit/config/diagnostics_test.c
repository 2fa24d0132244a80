/* SPDX-License-Identifier: Apache-2.0 */
#include "config/diagnostics.h"

#include "tests/tap.h"

#include <stdlib.h>

static struct yaml_place place(unsigned line, unsigned column, unsigned length)
{
    return (struct yaml_place){.line = line, .column = column, .length = length};
}

static void written(const struct diagnostics *diagnostics, struct slice text, bool colour,
                    const char *wanted)
{
    struct buf out = BUF_INIT(1u << 20);
    diagnostics_write_text(diagnostics, "f.yaml", text, colour, &out);
    EXPECT_SLICE(buf_slice(&out), wanted);
    buf_release(&out);
}

static void shows_place_line_and_caret(void)
{
    struct diagnostics d = {.items = NULL};
    diagnostics_add(&d, SEVERITY_ERROR, "code", place(2, 3, 4), "a hint", "a %s", "message");
    written(&d, SLICE("one\n  two: 2\n"), false,
            "error[code]: a message\n  --> f.yaml:2:3\n     |\n   2 |   two: 2\n     |   ^^^^\n"
            "     = a hint\n\n");
    written(&d, SLICE("one\n  two: 2\n"), true,
            "\033[1;31merror[code]\033[0m: \033[1ma message\033[0m\n  --> f.yaml:2:3\n     |\n"
            "   2 |   two: 2\n     |   \033[1;31m^^^^\033[0m\n     = a hint\n\n");
    diagnostics_release(&d);
    diagnostics_add(&d, SEVERITY_WARNING, "code", YAML_NO_PLACE, "", "no place");
    written(&d, SLICE("one\n"), false, "warning[code]: no place\n  --> f.yaml\n\n");
    EXPECT_INT(d.errors, 0);
    diagnostics_release(&d);
}

/* A place behind the text (it changed, or its end was meant) shows an empty line. */
static void survives_a_text_that_does_not_fit(void)
{
    struct diagnostics d = {.items = NULL};
    diagnostics_add(&d, SEVERITY_ERROR, "c", place(9, 9, 1), "", "m");
    written(&d, SLICE("one\n"), false,
            "error[c]: m\n  --> f.yaml:9:9\n     |\n   9 | \n     |         ^\n\n");
    written(&d, SLICE_EMPTY, false,
            "error[c]: m\n  --> f.yaml:9:9\n     |\n   9 | \n     |         ^\n\n");
    diagnostics_release(&d);
}

static void keeps_terminals_safe(void)
{
    struct diagnostics d = {.items = NULL};
    diagnostics_add(&d, SEVERITY_ERROR, "c", place(1, 6, 1), "\x1b[2J", "key \"%s\" \xc2\x9b\t.",
                    "\x1b]0;x\x07");
    written(&d, SLICE("\x1b[31m x\xc2\x9b\xffy"), false,
            "error[c]: key \"?]0;x?\" ???.\n  --> f.yaml:1:6\n     |\n   1 |  [31m x ?y\n"
            "     |      ^\n     = ?[2J\n\n");
    diagnostics_release(&d);
}

static void cuts_between_characters(void)
{
    struct diagnostics d = {.items = NULL};
    char text[400] = "";
    for (int i = 0; i < 130; i++) {
        memcpy(text + 3 * i, "\xe2\x82\xac", 4);
    }
    diagnostics_add(&d, SEVERITY_ERROR, "c", YAML_NO_PLACE, text, "x%s", text);
    struct slice message = slice_from_cstr(d.items[0].message);
    EXPECT_INT(message.len, 1 + 84 * 3);
    EXPECT_INT(strlen(d.items[0].hint), 85 * 3);
    diagnostics_release(&d);
}

static void shows_a_part_of_long_lines(void)
{
    char text[6000];
    struct diagnostics d = {.items = NULL};
    struct buf out = BUF_INIT(1u << 20);
    memset(text, 'a', sizeof(text));
    text[3000] = 'B';
    diagnostics_add(&d, SEVERITY_ERROR, "c", place(1, 3001, 1), "", "m");
    diagnostics_add(&d, SEVERITY_ERROR, "c", place(1, 5001, 1), "", "too far");
    diagnostics_write_text(&d, "f", slice_of(text, sizeof(text)), false, &out);
    EXPECT(slice_find_slice(buf_slice(&out), SLICE("   1 | ...aaaa")) != SIZE_MAX);
    EXPECT(slice_find_slice(buf_slice(&out), SLICE("aBa")) != SIZE_MAX);
    EXPECT(out.len < 600);
    buf_release(&out);
    diagnostics_release(&d);
}

static void sorts_by_place(void)
{
    struct diagnostics d = {.items = NULL};
    diagnostics_add(&d, SEVERITY_ERROR, "none", YAML_NO_PLACE, "", "m");
    diagnostics_add(&d, SEVERITY_ERROR, "b", place(2, 1, 1), "", "m");
    diagnostics_add(&d, SEVERITY_ERROR, "a2", place(1, 9, 1), "", "m");
    diagnostics_add(&d, SEVERITY_ERROR, "a1", place(1, 2, 1), "", "m");
    diagnostics_add(&d, SEVERITY_ERROR, "c", place(2, 1, 1), "", "m");
    diagnostics_sort(&d);
    static const char *const wanted[] = {"a1", "a2", "b", "c", "none"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        EXPECT_SLICE(slice_from_cstr(d.items[i].code), wanted[i]);
    }
    diagnostics_release(&d);
}

static void has_a_ceiling_that_keeps_errors(void)
{
    struct diagnostics d = {.items = NULL};
    struct buf out = BUF_INIT(1u << 20);
    for (int i = 0; i < 500; i++) {
        diagnostics_add(&d, SEVERITY_WARNING, "w", YAML_NO_PLACE, "", "m");
    }
    EXPECT_INT(d.count, DIAGNOSTIC_WARNINGS_MAX);
    for (int i = 0; i < 500; i++) {
        diagnostics_add(&d, SEVERITY_ERROR, "e", YAML_NO_PLACE, "", "m");
    }
    EXPECT_INT(d.count, DIAGNOSTICS_MAX);
    EXPECT_INT(d.errors, 500);
    diagnostics_write_text(&d, "f", SLICE_EMPTY, false, &out);
    EXPECT(slice_ends(buf_slice(&out), SLICE("... and 400 further errors\n\n")));
    buf_clear(&out);
    diagnostics_write_json(&d, "f", &out);
    EXPECT(slice_starts(buf_slice(&out),
                        SLICE("{\"schema\":\"sluice.check/1\",\"file\":\"f\",\"errors\":500,"
                              "\"warnings\":100,\"diagnostics\":[{\"severity\":\"warning\"")));
    buf_release(&out);
    diagnostics_release(&d);
}

static void writes_json(void)
{
    struct diagnostics d = {.items = NULL};
    struct buf out = BUF_INIT(4096);
    diagnostics_add(&d, SEVERITY_ERROR, "code", place(2, 3, 4), "a \"hint\"", "größe");
    diagnostics_write_json(&d, "dir/f.yaml", &out);
    EXPECT_SLICE(buf_slice(&out),
                 "{\"schema\":\"sluice.check/1\",\"file\":\"dir/f.yaml\",\"errors\":1,"
                 "\"warnings\":0,\"diagnostics\":[{\"severity\":\"error\",\"code\":\"code\","
                 "\"line\":2,\"column\":3,\"length\":4,\"message\":\"größe\","
                 "\"hint\":\"a \\\"hint\\\"\"}]}");
    buf_release(&out);
    diagnostics_release(&d);
}

static void hides_stretches(void)
{
    struct diagnostics d = {.items = NULL};
    diagnostics_add(&d, SEVERITY_ERROR, "c", place(2, 1, 2), "", "m");
    diagnostics_hide(&d, place(2, 4, 2));
    written(&d, SLICE("one\nabcdefgh\n"), false,
            "error[c]: m\n  --> f.yaml:2:1\n     |\n   2 | abc**fgh\n     | ^^\n\n");
    diagnostics_hide(&d, (struct yaml_place){
                             .line = 1, .column = 2, .length = 1, .end_line = 3, .end_column = 1});
    written(&d, SLICE("one\nabcdefgh\n"), false,
            "error[c]: m\n  --> f.yaml:2:1\n     |\n   2 | ********\n     | ^^\n\n");
    d.hide_all = true;
    written(&d, SLICE("one\nabcdefgh\n"), false, "error[c]: m\n  --> f.yaml:2:1\n\n");
    diagnostics_release(&d);
}

static void counts_lines_as_yaml_does(void)
{
    EXPECT_INT(diagnostics_line_break(SLICE("\r\nx")), 2);
    EXPECT_INT(diagnostics_line_break(SLICE("\rx")), 1);
    EXPECT_INT(diagnostics_line_break(SLICE("\n\n")), 1);
    EXPECT_INT(diagnostics_line_break(SLICE("\xc2\x85")), 2);
    EXPECT_INT(diagnostics_line_break(SLICE("\xe2\x80\xa8")), 3);
    EXPECT_INT(diagnostics_line_break(SLICE("\xe2\x80\xa9")), 3);
    EXPECT_INT(diagnostics_line_break(SLICE("x\n")), 0);
    EXPECT_INT(diagnostics_line_break(SLICE_EMPTY), 0);
    EXPECT_SLICE(diagnostics_without_mark(SLICE("\xef\xbb\xbfx")), "x");
    EXPECT_SLICE(diagnostics_without_mark(SLICE("x")), "x");
    struct diagnostics d = {.items = NULL};
    diagnostics_add(&d, SEVERITY_ERROR, "c", place(5, 1, 1), "", "m");
    written(&d,
            SLICE("\xef\xbb\xbf"
                  "1\r2\xc2\x85"
                  "3\r\n4\xe2\x80\xa8"
                  "5\n"),
            false, "error[c]: m\n  --> f.yaml:5:1\n     |\n   5 | 5\n     | ^\n\n");
    diagnostics_release(&d);
}

int main(void)
{
    TEST(shows_place_line_and_caret, "shows the place, the line and a caret");
    TEST(survives_a_text_that_does_not_fit, "survives a text that does not fit");
    TEST(keeps_terminals_safe, "lets no control character out");
    TEST(cuts_between_characters, "cuts long messages between characters");
    TEST(shows_a_part_of_long_lines, "shows the part of a long line around the caret");
    TEST(sorts_by_place, "sorts by place, what has none comes last");
    TEST(has_a_ceiling_that_keeps_errors, "warnings never crowd out errors");
    TEST(writes_json, "writes JSON");
    TEST(hides_stretches, "hides secrets by their place");
    TEST(counts_lines_as_yaml_does, "counts lines as YAML does");
    return tap_done();
}
