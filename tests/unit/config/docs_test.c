/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documentation and the schema are generated from the option table: these tests fail when the
 * files differ, and write them anew with SLUICE_GOLDEN_UPDATE=1 in the environment.
 */
#include "tests/unit/config/config_testing.h"

#include "codec/json.h"
#include "config/options.h"

static void documentation_is_up_to_date(void)
{
    struct buf out = BUF_INIT(1u << 20);
    config_write_markdown(&out);
    EXPECT(!out.failed);
    EXPECT(testing_matches("docs/configuration.md", buf_slice(&out)));
    buf_release(&out);
}

static void schema_is_up_to_date(void)
{
    struct buf out = BUF_INIT(1u << 20);
    config_write_schema(&out);
    EXPECT(!out.failed);
    EXPECT(testing_matches("docs/sluice.schema.json", buf_slice(&out)));
    buf_release(&out);
}

static void documentation_names_every_option(void)
{
    struct buf out = BUF_INIT(1u << 20);
    char needle[200];
    config_write_markdown(&out);
    for (size_t i = 0; i < option_count; i++) {
        bool section = option_is_child(&option_table[i], SLICE_EMPTY);
        snprintf(needle, sizeof(needle), section ? "\n## %s\n" : "\n| `%s` | ",
                 option_table[i].path);
        EXPECT(slice_find_slice(buf_slice(&out), slice_from_cstr(needle)) != SIZE_MAX);
    }
    buf_release(&out);
}

/* The example of the documentation is one that loads. */
static void example_loads(void)
{
    static const char *const environment[] = {"OPENROUTER_API_KEY=k", NULL};
    struct buf out = BUF_INIT(1u << 20);
    struct loading loading;
    config_write_markdown(&out);
    struct slice text = buf_slice(&out);
    size_t begin = slice_find_slice(text, SLICE("```yaml\n"));
    EXPECT(begin != SIZE_MAX);
    text = slice_from(text, begin + 8);
    text.len = slice_find_slice(text, SLICE("```"));
    loading_begin(&loading, text, TESTING_FILE, environment);
    EXPECT(loading.snapshot != NULL);
    EXPECT_INT(loading.diagnostics.count, 0);
    loading_end(&loading);
    buf_release(&out);
}

static void schema_is_json(void)
{
    struct buf out = BUF_INIT(1u << 20);
    struct json_doc doc;
    struct error error;
    json_doc_init(&doc);
    config_write_schema(&out);
    EXPECT(json_parse(&doc, buf_slice(&out), NULL, &error));
    json_doc_release(&doc);
    buf_release(&out);
}

int main(void)
{
    TEST(documentation_is_up_to_date, "docs/configuration.md is what the table says");
    TEST(schema_is_up_to_date, "docs/sluice.schema.json is what the table says");
    TEST(documentation_names_every_option, "the documentation names every option");
    TEST(example_loads, "the example of the documentation loads");
    TEST(schema_is_json, "the schema is JSON");
    return tap_done();
}
