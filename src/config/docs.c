/* SPDX-License-Identifier: Apache-2.0 */
/* The option table as documentation and as a JSON schema. */
#include "config/config.h"

#include "codec/json_write.h"
#include "config/options.h"

/* --- Markdown --- */

static const char introduction[] =
    "<!-- Generated from src/config/options.def: SLUICE_GOLDEN_UPDATE=1 make unit-config -->\n"
    "# Configuration\n"
    "\n"
    "All options of `sluice.yaml`. Every section is optional but `providers`. `sluice check` "
    "reports every error with its place in one pass; an option that is not listed here is an "
    "error, never ignored. Editors that know the YAML language server complete and check it with "
    "`# yaml-language-server: $schema=sluice.schema.json` as the first line "
    "([schema](sluice.schema.json)).\n"
    "\n"
    "```yaml\n"
    "providers:\n"
    "  local:      { preset: ollama }\n"
    "  openrouter: { preset: openrouter, api_key: \"${OPENROUTER_API_KEY}\" }\n"
    "targets: # prices, context windows and capabilities come from the catalogue unless given "
    "here\n"
    "  llama: { provider: local, model: llama3.2 }\n"
    "  haiku: { provider: openrouter, model: anthropic/claude-3-haiku, latency_ms: 250 }\n"
    "  gpt4:  { provider: openrouter, model: openai/gpt-4, latency_ms: 300 }\n"
    "routes:\n"
    "  auto:\n"
    "    baseline: gpt4 # what savings are measured against\n"
    "    max_cost_usd: 0.05\n"
    "    tasks:\n"
    "      classification: [llama, haiku]\n"
    "      reasoning: { prefer: [gpt4], min_tier: premium }\n"
    "```\n"
    "\n"
    "- Names marked `*` are of your choice; in the table they stand for every one of them.\n"
    "- In every value `${NAME}` is replaced by the environment variable (a `.env` file counts), "
    "`${NAME:-default}` has a default, `${file:/path}` is the content of a file without white "
    "space around it, and `$$` is a dollar sign. This happens after YAML was read: what is "
    "inserted can never become structure.\n"
    "- Names of files are relative to the configuration file.\n"
    "- Durations: `250ms`, `30s`, `10m`, `1h`, `7d`. Sizes: `64KB` (1,024 bytes each), `32MB`. "
    "Prices: dollars per million tokens.\n"
    "- A provider without `api_key` takes its key from the environment variable of its preset "
    "(`sluice providers` lists them), but only where its base URL is the preset's own.\n"
    "- `HTTPS_PROXY`, `http_proxy` and `NO_PROXY` of the environment hold for providers; loopback "
    "is never asked through a proxy.\n"
    "- YAML aliases, merge keys and tags are refused.\n";

/* Table cells: a bar would end them. */
static void write_cell(const char *text, struct buf *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            buf_append_char(out, '\\');
        }
        buf_append_char(out, *text);
    }
}

static void write_choices(const struct option *option, struct buf *out)
{
    struct slice rest = slice_from_cstr(option->choices);
    for (const char *separator = ""; rest.len > 0; separator = ", ") {
        struct slice word = slice_cut(&rest, '|');
        buf_printf(out, "%s`%.*s`", separator, SLICE_ARG(word));
    }
}

static const char *short_type_name(enum option_type type)
{
    static const char *const names[] = {
        [OPTION_SECTION] = "section",
        [OPTION_STRING] = "text",
        [OPTION_SECRET] = "text, secret",
        [OPTION_STRING_LIST] = "list of texts",
        [OPTION_LIST_OR_SECTION] = "list of targets, or section",
        [OPTION_BOOLEAN] = "`true`, `false`",
        [OPTION_INTEGER] = "whole number",
        [OPTION_AUTO_INTEGER] = "whole number, or `auto`",
        [OPTION_DECIMAL] = "number",
        [OPTION_DURATION] = "duration",
        [OPTION_SIZE] = "size",
        [OPTION_PRICE] = "price",
        [OPTION_MONEY] = "dollars",
    };
    return names[type];
}

static void write_row(const struct option *option, struct buf *out)
{
    buf_printf(out, "| `%s` | ", option->path);
    if (option->type == OPTION_CHOICE) {
        write_choices(option, out);
    } else {
        buf_append_cstr(out, short_type_name(option->type));
    }
    if (option_has_bounds(option)) {
        buf_append_cstr(out, ", ");
        option_write_bounds(option, out);
    }
    buf_append_cstr(out, " | ");
    if (option->fallback != NULL) {
        buf_printf(out, "`%s`", option->fallback);
    }
    buf_append_cstr(out, " | ");
    write_cell(option->help, out);
    buf_append_cstr(out, " |\n");
}

void config_write_markdown(struct buf *out)
{
    buf_append_cstr(out, introduction);
    for (size_t i = 0; i < option_count; i++) {
        if (option_is_child(&option_table[i], SLICE_EMPTY)) {
            buf_printf(out,
                       "\n## %s\n\n%s\n\n| option | value | default | meaning |\n"
                       "| --- | --- | --- | --- |\n",
                       option_table[i].path, option_table[i].help);
        } else {
            write_row(&option_table[i], out);
        }
    }
}

/* --- JSON schema --- */

static void write_bounds(struct json_writer *w, const struct option *option)
{
    if (option_has_bounds(option)) {
        json_member_int(w, SLICE("minimum"), option->minimum);
        json_member_int(w, SLICE("maximum"), option->maximum);
    } else {
        json_member_int(w, SLICE("minimum"), 0);
    }
}

static void write_pattern(struct json_writer *w, const char *pattern)
{
    json_member_string(w, SLICE("type"), SLICE("string"));
    json_member_string(w, SLICE("pattern"), slice_from_cstr(pattern));
}

/* `first` or a string with a reference: an alternative of its own, since ${...} may stand for any
 * value. */
static void begin_alternatives(struct json_writer *w)
{
    json_key(w, SLICE("anyOf"));
    json_begin_array(w);
    json_begin_object(w);
}

static void end_alternatives(struct json_writer *w)
{
    json_end_object(w);
    json_begin_object(w);
    write_pattern(w, "\\$\\{");
    json_end_object(w);
    json_end_array(w);
}

static void write_enumeration(struct json_writer *w, const struct option *option)
{
    struct slice rest = slice_from_cstr(option->choices);
    json_key(w, SLICE("enum"));
    json_begin_array(w);
    while (rest.len > 0) {
        json_write_string(w, slice_cut(&rest, '|'));
    }
    json_end_array(w);
}

static void write_list(struct json_writer *w)
{
    json_member_raw(w, SLICE("items"), SLICE("{\"type\":\"string\",\"minLength\":1}"));
    json_member_int(w, SLICE("minItems"), 1);
}

static void write_scalar_type(struct json_writer *w, const struct option *option)
{
    switch (option->type) {
    case OPTION_BOOLEAN:
        json_member_string(w, SLICE("type"), SLICE("boolean"));
        break;
    case OPTION_AUTO_INTEGER:
        json_member_raw(w, SLICE("type"), SLICE("[\"integer\",\"string\"]"));
        json_member_string(w, SLICE("pattern"), SLICE("^auto$"));
        write_bounds(w, option);
        break;
    case OPTION_INTEGER:
        json_member_string(w, SLICE("type"), SLICE("integer"));
        write_bounds(w, option);
        break;
    case OPTION_DECIMAL:
    case OPTION_PRICE:
    case OPTION_MONEY:
        json_member_string(w, SLICE("type"), SLICE("number"));
        write_bounds(w, option);
        break;
    case OPTION_CHOICE:
        write_enumeration(w, option);
        break;
    case OPTION_DURATION:
        write_pattern(w, "^(0|[0-9]+ ?([mM]?[sS]|[mMhHdD]))$");
        break;
    case OPTION_SIZE:
        json_member_raw(w, SLICE("type"), SLICE("[\"integer\",\"string\"]"));
        json_member_string(w, SLICE("pattern"), SLICE("^[0-9]+ ?([kKmMgG][iI]?)?[bB]?$"));
        break;
    default:
        json_member_string(w, SLICE("type"), SLICE("string"));
        json_member_int(w, SLICE("minLength"), 1);
        break;
    }
}

/* bounded: the table's paths are at most five words deep */
static void write_members(struct json_writer *w, struct slice parent);

static void write_type(struct json_writer *w, const struct option *option)
{
    struct slice path = slice_from_cstr(option->path);
    switch (option->type) {
    case OPTION_SECTION:
        json_member_raw(w, SLICE("type"), SLICE("[\"object\",\"null\"]"));
        write_members(w, path);
        break;
    case OPTION_LIST_OR_SECTION:
        json_member_raw(w, SLICE("type"), SLICE("[\"array\",\"string\",\"object\"]"));
        write_list(w);
        write_members(w, path);
        break;
    case OPTION_STRING_LIST:
        json_member_raw(w, SLICE("type"), SLICE("[\"array\",\"string\"]"));
        write_list(w);
        break;
    case OPTION_STRING:
    case OPTION_SECRET:
        write_scalar_type(w, option);
        break;
    default:
        begin_alternatives(w);
        write_scalar_type(w, option);
        end_alternatives(w);
        break;
    }
}

static void write_option(struct json_writer *w, const struct option *option)
{
    json_begin_object(w);
    json_member_string(w, SLICE("description"), slice_from_cstr(option->help));
    if (option->fallback != NULL) {
        json_member_string(w, SLICE("default"), slice_from_cstr(option->fallback));
    }
    write_type(w, option);
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
