/* SPDX-License-Identifier: Apache-2.0 */
#include "config/options.h"

#include "config/values.h"

#include "tests/tap.h"

static struct slice parent_of(const struct option *option)
{
    struct slice path = slice_from_cstr(option->path);
    size_t own = option_name(option).len;
    return path.len == own ? SLICE_EMPTY : slice_of(path.ptr, path.len - own - 1);
}

static void every_row_is_unique(void)
{
    for (size_t i = 0; i < option_count; i++) {
        for (size_t k = i + 1; k < option_count; k++) {
            EXPECT(strcmp(option_table[i].path, option_table[k].path) != 0);
        }
        EXPECT(option_find(slice_from_cstr(option_table[i].path)) == &option_table[i]);
    }
    EXPECT(option_find(SLICE("server.nothing")) == NULL);
    EXPECT(option_find(SLICE_EMPTY) == NULL);
}

static void a_section_stands_before_its_options(void)
{
    for (size_t i = 0; i < option_count; i++) {
        struct slice parent = parent_of(&option_table[i]);
        if (parent.len == 0) {
            EXPECT_INT(option_table[i].type, OPTION_SECTION);
            continue;
        }
        const struct option *section = option_find(parent);
        EXPECT(section != NULL && section < &option_table[i]);
        EXPECT(section != NULL &&
               (section->type == OPTION_SECTION || section->type == OPTION_LIST_OR_SECTION));
        EXPECT(section != NULL && option_is_child(&option_table[i], parent));
    }
}

/* All rows of a section follow each other: the documentation is written in this order. */
static void sections_are_not_torn(void)
{
    const char *seen[64];
    size_t count = 0;
    struct slice last = SLICE_EMPTY;
    for (size_t i = 0; i < option_count; i++) {
        struct slice rest = slice_from_cstr(option_table[i].path);
        struct slice section = slice_cut(&rest, '.');
        if (slice_eq(section, last)) {
            continue;
        }
        for (size_t k = 0; k < count; k++) {
            EXPECT(!slice_eq(section, slice_from_cstr(seen[k])));
        }
        EXPECT(count < ARRAY_LEN(seen));
        seen[count++] = option_table[i].path;
        last = section;
    }
}

static void rows_are_sound(void)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        const char *why;
        int64_t value;
        bool text = option->type <= OPTION_LIST_OR_SECTION;
        EXPECT((option->choices != NULL) == (option->type == OPTION_CHOICE));
        EXPECT(option->help != NULL && option->help[0] != '\0');
        EXPECT(slice_ends(slice_from_cstr(option->help), SLICE(".")));
        EXPECT(option->minimum <= option->maximum);
        EXPECT(option_type_name(option->type) != NULL);
        if (option->fallback != NULL && !text) {
            EXPECT(value_number(option, slice_from_cstr(option->fallback), &value, &why));
        }
        if (option->type == OPTION_DURATION || option->type == OPTION_SIZE) {
            EXPECT(option_has_bounds(option)); /* a number beyond all bounds is refused by them */
        }
    }
}

static void finds_children(void)
{
    const struct option *baseline = option_find(SLICE("routes.*.baseline"));
    EXPECT(option_is_child(baseline, SLICE("routes.*")));
    EXPECT(!option_is_child(baseline, SLICE("routes")));
    EXPECT(!option_is_child(baseline, SLICE("route")));
    EXPECT(!option_is_child(baseline, SLICE_EMPTY));
    EXPECT(!option_is_child(baseline, SLICE("routes.*.baseline")));
    EXPECT(option_is_child(option_find(SLICE("server")), SLICE_EMPTY));
    EXPECT_SLICE(option_name(baseline), "baseline");
    EXPECT_SLICE(option_name(option_find(SLICE("providers.*"))), "*");
}

static void suggests_what_was_meant(void)
{
    static const struct {
        const char *parent;
        const char *written;
        const char *meant; /* NULL: nothing is near */
    } rows[] = {
        {"", "sever", "server"},
        {"", "provider", "providers"},
        {"", "Routes", "routes"},
        {"", "xyz", NULL},
        {"", "a", NULL},
        {"server", "lisen", "listen"},
        {"server", "wrokers", "workers"},
        {"server", "port", "listen"},
        {"server", "headTimeout", "head_timeout"},
        {"providers.*", "api-key", "api_key"},
        {"providers.*", "APIKEY", "api_key"},
        {"providers.*", "baseUrl", "base_url"},
        {"providers.*", "url", "base_url"},
        {"providers.*", "timeout", "total_timeout"},
        {"providers.*", "model", NULL},
        {"targets.*", "latency", "latency_ms"},
        {"targets.*", "contxt_tokens", "context_tokens"},
        {"targets.*.price", "input", "input_per_mtok"},
        {"targets.*.price", "output", "output_per_mtok"},
        {"routes.*", "max_cost", "max_cost_usd"},
        {"routes.*", "fallbacks", "targets"},
        {"routes.*", "*", NULL},
        {"routes", "auto", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct option *option =
            option_suggest(slice_from_cstr(rows[i].parent), slice_from_cstr(rows[i].written));
        struct slice got = option == NULL ? SLICE("nothing") : option_name(option);
        EXPECT_SLICE(got, rows[i].meant == NULL ? "nothing" : rows[i].meant);
    }
    EXPECT(option_elsewhere(SLICE("baseline")) == option_find(SLICE("routes.*.baseline")));
    EXPECT(option_elsewhere(SLICE("*")) == NULL);
    EXPECT(option_elsewhere(SLICE("colour")) == NULL);
}

static void finds_choices(void)
{
    EXPECT_INT(option_choice("a|bc|d", SLICE("a")), 0);
    EXPECT_INT(option_choice("a|bc|d", SLICE("bc")), 1);
    EXPECT_INT(option_choice("a|bc|d", SLICE("d")), 2);
    EXPECT_INT(option_choice("a|bc|d", SLICE("b")), -1);
    EXPECT_INT(option_choice("a|bc|d", SLICE("bc|d")), -1);
    EXPECT_INT(option_choice("a|bc|d", SLICE_EMPTY), -1);
}

static void measures_distances(void)
{
    EXPECT_INT(edit_distance(SLICE("abc"), SLICE("abc"), 3), 0);
    EXPECT_INT(edit_distance(SLICE("abc"), SLICE("acb"), 3), 1);
    EXPECT_INT(edit_distance(SLICE("abc"), SLICE("ab"), 3), 1);
    EXPECT_INT(edit_distance(SLICE("abc"), SLICE("abcd"), 3), 1);
    EXPECT_INT(edit_distance(SLICE("abc"), SLICE("axc"), 3), 1);
    EXPECT_INT(edit_distance(SLICE("kitten"), SLICE("sitting"), 3), 3);
    EXPECT_INT(edit_distance(SLICE("kitten"), SLICE("sitting"), 2), 3);
    EXPECT_INT(edit_distance(SLICE_EMPTY, SLICE("ab"), 3), 2);
    EXPECT_INT(edit_distance(SLICE_EMPTY, SLICE_EMPTY, 3), 0);
    char text[200];
    memset(text, 'a', sizeof(text));
    EXPECT_INT(edit_distance(slice_of(text, sizeof(text)), slice_of(text, sizeof(text)), 3), 4);
    EXPECT_INT(edit_distance(slice_of(text, 40), slice_of(text, 40), 3), 0);
}

static void bounds_are(const char *path, const char *wanted)
{
    struct buf out = BUF_INIT(256);
    option_write_bounds(option_find(slice_from_cstr(path)), &out);
    EXPECT_SLICE(buf_slice(&out), wanted);
    buf_release(&out);
}

static void writes_bounds_for_people(void)
{
    bounds_are("server.workers", "1 to 64");
    bounds_are("server.head_bytes", "1KB to 1MB");
    bounds_are("server.head_timeout", "100ms to 10m");
    bounds_are("server.drain_timeout", "0ms to 1d");
    bounds_are("ledger.segment_bytes", "1MB to 1GB");
    bounds_are("routes.*.conservative", "0 to 1");
}

int main(void)
{
    TEST(every_row_is_unique, "every option is there once");
    TEST(a_section_stands_before_its_options, "a section stands before its options");
    TEST(sections_are_not_torn, "the options of a section follow each other");
    TEST(rows_are_sound, "defaults, bounds, choices and help of every row are sound");
    TEST(finds_children, "finds the children of a section");
    TEST(suggests_what_was_meant, "suggests what was meant, and nothing where nothing is near");
    TEST(finds_choices, "finds a word among the choices");
    TEST(measures_distances, "measures how far two words are apart");
    TEST(writes_bounds_for_people, "writes bounds in units for people");
    return tap_done();
}
