/* SPDX-License-Identifier: Apache-2.0 */
/* The option table as documentation and as a JSON schema. */
#include "config/config.h"

#include "codec/json_write.h"
#include "config/options.h"

static void write_row(const struct option *option, struct buf *out)
{
    buf_printf(out, "| `%s` | %s | ", option->path, option_type_name(option->type));
    if (option->fallback != NULL) {
        buf_printf(out, "`%s`", option->fallback);
    }
    buf_append_cstr(out, " | ");
    buf_append_cstr(out, option->help);
    if (option->type == OPTION_CHOICE) {
        buf_append_cstr(out, " One of ");
        struct slice rest = slice_from_cstr(option->choices);
        for (bool first = true; rest.len > 0; first = false) {
            buf_printf(out, "%s`%.*s`", first ? "" : ", ", SLICE_ARG(slice_cut(&rest, '|')));
        }
        buf_append_cstr(out, ".");
    }
    buf_append_cstr(out, " |\n");
}

void config_write_markdown(struct buf *out)
{
    buf_append_cstr(out, "# Configuration\n\nAll options of `sluice.yaml`; every section is optional. `*` is a name of "
                         "your choice. `${NAME}`, `${NAME:-default}` and `${file:/path}` are replaced in every value; "
                         "`$$` is a dollar sign. An option that is not listed here is an error (`sluice check`).\n");
    for (size_t i = 0; i < option_count; i++) {
        if (option_is_child(&option_table[i], SLICE_EMPTY)) {
            buf_printf(out, "\n## %s\n\n%s\n\n| option | value | default | meaning |\n| --- | --- | --- | --- |\n",
                       option_table[i].path, option_table[i].help);
        } else if (option_table[i].type != OPTION_SECTION) {
            write_row(&option_table[i], out);
        }
    }
}

static void write_type(struct json_writer *w, const struct option *option)
{
    switch (option->type) {
    case OPTION_BOOLEAN:
        json_member_string(w, SLICE("type"), SLICE("boolean"));
        break;
    case OPTION_INTEGER:
        json_member_string(w, SLICE("type"), SLICE("integer"));
        break;
    case OPTION_DECIMAL:
    case OPTION_PRICE:
    case OPTION_MONEY:
        json_member_string(w, SLICE("type"), SLICE("number"));
        break;
    case OPTION_CHOICE: {
        struct slice rest = slice_from_cstr(option->choices);
        json_key(w, SLICE("enum"));
        json_begin_array(w);
        while (rest.len > 0) {
            json_write_string(w, slice_cut(&rest, '|'));
        }
        json_end_array(w);
        break;
    }
    case OPTION_STRING_LIST:
        json_member_raw(w, SLICE("type"), SLICE("[\"array\",\"string\"]"));
        json_member_raw(w, SLICE("items"), SLICE("{\"type\":\"string\"}"));
        break;
    case OPTION_LIST_OR_SECTION:
        json_member_raw(w, SLICE("type"), SLICE("[\"array\",\"object\"]"));
        break;
    case OPTION_SECTION:
        json_member_raw(w, SLICE("type"), SLICE("[\"object\",\"null\"]"));
        break;
    case OPTION_AUTO_INTEGER:
        json_member_raw(w, SLICE("type"), SLICE("[\"integer\",\"string\"]"));
        break;
    case OPTION_STRING:
    case OPTION_SECRET:
    case OPTION_DURATION:
    case OPTION_SIZE:
        json_member_string(w, SLICE("type"), SLICE("string"));
        break;
    }
}

/* bounded: the table's paths are at most five words deep */
static void write_members(struct json_writer *w, struct slice parent);

static void write_option(struct json_writer *w, const struct option *option)
{
    json_begin_object(w);
    json_member_string(w, SLICE("description"), slice_from_cstr(option->help));
    write_type(w, option);
    if (option->type == OPTION_SECTION || option->type == OPTION_LIST_OR_SECTION) {
        write_members(w, slice_from_cstr(option->path));
    }
    json_end_object(w);
}

static void write_members(struct json_writer *w, struct slice parent)
{
    const struct option *any = NULL;
    json_key(w, SLICE("properties"));
    json_begin_object(w);
    for (size_t i = 0; i < option_count; i++) {
        if (!option_is_child(&option_table[i], parent)) {
            continue;
        }
        if (slice_eq(option_name(&option_table[i]), SLICE("*"))) {
            any = &option_table[i];
            continue;
        }
        json_key(w, option_name(&option_table[i]));
        write_option(w, &option_table[i]);
    }
    json_end_object(w);
    json_key(w, SLICE("additionalProperties"));
    if (any == NULL) {
        json_write_bool(w, false);
    } else {
        write_option(w, any);
    }
}

void config_write_schema(struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("$schema"), SLICE("https://json-schema.org/draft/2020-12/schema"));
    json_member_string(&w, SLICE("title"), SLICE("sluice.yaml"));
    json_member_string(&w, SLICE("type"), SLICE("object"));
    write_members(&w, SLICE_EMPTY);
    json_end_object(&w);
    buf_append_char(out, '\n');
}
