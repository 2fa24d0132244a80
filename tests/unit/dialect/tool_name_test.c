/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/tool_name.h"

#include "tests/unit/dialect/fixture.h"

static void flat_names_are_short_and_stable(void)
{
    struct arena arena;
    arena_init(&arena, 1 << 16);
    EXPECT_SLICE(tool_name_flat(&arena, SLICE("box"), SLICE("open")), "box__open");
    EXPECT_SLICE(tool_name_flat(&arena, SLICE("mcp__docs__"), SLICE("find")), "mcp__docs__find");
    struct slice space = SLICE("a_namespace_of_many_words_that_goes_on_and_on_and_on");
    struct slice one = tool_name_flat(&arena, space, SLICE("the_first_of_its_tools"));
    struct slice same = tool_name_flat(&arena, space, SLICE("the_first_of_its_tools"));
    struct slice other = tool_name_flat(&arena, space, SLICE("the_first_of_all_tools"));
    EXPECT(one.len <= TOOL_NAME_MAX && slice_eq(one, same) && !slice_eq(one, other));
    struct slice wide = tool_name_flat(
        &arena, SLICE("0123456789012345678901234567890123456789012345\xC3\xA9\xC3\xA9"),
        SLICE("\\u00e9xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
    for (struct slice rest = wide; rest.len > 0;) {
        size_t step = slice_utf8_length(rest);
        EXPECT(step > 0);
        rest = slice_from(rest, step > 0 ? step : 1);
    }
    struct slice escaped =
        tool_name_flat(&arena, SLICE("012345678901234567890123456789012345678901\\u00e9"),
                       SLICE("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
    EXPECT(escaped.len <= TOOL_NAME_MAX && slice_find(escaped, '\\') == SIZE_MAX);
    arena_release(&arena);
}

static void expect_input(struct slice arguments, const char *wanted)
{
    struct buf out = BUF_INIT(1000);
    EXPECT(custom_read_arguments(arguments, &out));
    EXPECT_SLICE(buf_slice(&out), wanted);
    buf_release(&out);
}

static void the_text_of_a_custom_tool_comes_back(void)
{
    struct buf object = BUF_INIT(100);
    custom_write_arguments(&object, SLICE("a\\n\\\"b\\\""));
    EXPECT_SLICE(buf_slice(&object), "{\"input\":\"a\\n\\\"b\\\"\"}");
    buf_release(&object);
    expect_input(SLICE("{\\\"input\\\":\\\"a\\\\n\\\\\\\"b\\\\\\\"\\\"}"), "a\\n\\\"b\\\"");
    expect_input(SLICE("no object"), "no object");
    expect_input(SLICE("{\\\"input\\\":7}"), "{\\\"input\\\":7}");
    expect_input(SLICE(""), "");
}

static void only_special_tools_are_found(void)
{
    struct chat_tool tools[] = {
        {.name = SLICE("plain")},
        {.kind = TOOL_CUSTOM, .name = SLICE("patch")},
        {.name = SLICE("box__open"), .space = SLICE("box"), .own_name = SLICE("open")},
        {.kind = TOOL_OTHER, .raw = SLICE("{}")},
    };
    const struct chat chat = {.tools = tools, .tool_count = ARRAY_LEN(tools)};
    struct tool_names names;
    struct tool_name found;
    EXPECT(tool_names_init(&names, &chat));
    EXPECT(!tool_names_find(&names, SLICE("plain"), &found));
    EXPECT(tool_names_find(&names, SLICE("p\\u0061tch"), &found));
    EXPECT(found.custom && found.space.ptr == NULL);
    EXPECT_SLICE(found.name, "patch");
    EXPECT(tool_names_find(&names, SLICE("box__open"), &found));
    EXPECT(!found.custom);
    EXPECT_SLICE(found.name, "open");
    EXPECT_SLICE(found.space, "box");
    tool_names_release(&names);
    EXPECT(tool_names_init(&names, NULL));
    EXPECT(!tool_names_find(&names, SLICE("patch"), &found));
    tool_names_release(&names);
}

int main(void)
{
    TEST(flat_names_are_short_and_stable, "flat names are short, stable and whole characters");
    TEST(the_text_of_a_custom_tool_comes_back, "the text of a custom tool comes back");
    TEST(only_special_tools_are_found, "only tools in namespaces and custom ones are turned back");
    return tap_done();
}
